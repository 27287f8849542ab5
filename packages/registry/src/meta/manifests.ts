// Manifests read: what a pull asks for. Hot path.

import type { Reader } from "@sampan/kv/txn";
import type { Digest, Reference, RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";

/** Larger manifests lie in the blob store, so that a transaction's bytes stay bounded. */
export const manifestInlineBytesMax = 256 * 1024;

export type ManifestContent =
  | { readonly type: "inline"; readonly bytes: Uint8Array }
  | { readonly type: "location"; readonly location: BlobLocation };

/** What the headers of an answer need. */
export interface ManifestStat {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: number;
}

export interface FoundManifest extends ManifestStat {
  readonly content: ManifestContent;
}

/** For HEAD: one read. Null: no such manifest, tag or repository (findRepository tells which). */
export declare function statManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: Reference,
): Promise<ManifestStat | null>;

/** For GET. By digest one read of two keys, by tag two reads after one another. Null as above. */
export declare function findManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: Reference,
): Promise<FoundManifest | null>;
