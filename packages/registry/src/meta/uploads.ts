// Uploads under way. The record names the location of the bytes, so that no sweep takes them; how many
// there are only the blob store knows, and a PATCH writes nothing here.

import type { Result } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { Unsettled } from "./outcome.ts";

export interface Upload {
  /** A UUID. */
  readonly id: string;
  readonly repository: RepositoryName;
  readonly location: BlobLocation;
  /** Wall clock of the store, milliseconds since the epoch. */
  readonly startedMs: number;
  readonly actor: string;
}

/** `id` is fresh (env.random.uuid()), and the location has been created in the blob store. */
export declare function createUpload(
  store: Store,
  upload: Omit<Upload, "startedMs">,
): Promise<Result<Upload, { readonly code: "project-unknown" } | Unsettled>>;

/** Null when there is none of this id in this repository. */
export declare function findUpload(
  reader: Reader,
  repository: RepositoryName,
  id: string,
): Promise<Upload | null>;

/** Forgets the upload; the caller then deletes the bytes at its location. */
export declare function deleteUpload(
  store: Store,
  what: { readonly repository: RepositoryName; readonly id: string },
): Promise<Result<Upload, { readonly code: "upload-unknown" } | Unsettled>>;

export interface UploadPage {
  readonly uploads: readonly Upload[];
  /** Give it as `after` to go on; null at the end. */
  readonly next: string | null;
}

/** Looks at up to `limit` uploads behind `after` and gives those that started before `beforeMs`. */
export declare function listUploadsOlder(
  reader: Reader,
  page: { readonly beforeMs: number; readonly after: string | null; readonly limit: number },
): Promise<UploadPage>;
