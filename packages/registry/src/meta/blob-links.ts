// Blobs as repositories see them: the record (where the bytes lie, shared by all) and the link (this
// repository has it).

import type { Result } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { Unsettled } from "./outcome.ts";

export interface FoundBlob {
  readonly location: BlobLocation;
  readonly bytes: number;
}

/** Null when the repository has no such blob, whoever else has. One read of two keys. Hot path. */
export declare function findBlob(
  reader: Reader,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundBlob | null>;

export interface BlobCommit {
  readonly repository: RepositoryName;
  /** Verified against the bytes by the caller. */
  readonly digest: Digest;
  /** Where the bytes lie, committed (durable). */
  readonly location: BlobLocation;
  readonly bytes: number;
  /** Its record is removed in the same transaction. */
  readonly uploadId: string;
}

export interface CommittedBlob {
  /** Where the blob lies now. */
  readonly location: BlobLocation;
  /** Another upload had brought the same bytes: the caller deletes its own. */
  readonly surplus: boolean;
}

/**
 * Makes uploaded bytes a blob of the repository. Calling it again after an undetermined outcome is
 * safe: bytes that are already the blob's are no surplus.
 */
export declare function commitBlob(
  store: Store,
  commit: BlobCommit,
): Promise<
  Result<
    CommittedBlob,
    { readonly code: "upload-unknown" } | { readonly code: "project-unknown" } | Unsettled
  >
>;

/**
 * Gives `repository` the blob that `from` has. The caller has checked that the actor may pull from
 * `from`; a mount without `from` asks listBlobRepositories first.
 */
export declare function mountBlob(
  store: Store,
  mount: {
    readonly from: RepositoryName;
    readonly repository: RepositoryName;
    readonly digest: Digest;
  },
): Promise<
  Result<
    FoundBlob,
    { readonly code: "blob-unknown" } | { readonly code: "project-unknown" } | Unsettled
  >
>;

/** Up to `limit` repositories that have the blob, in no order that means anything. */
export declare function listBlobRepositories(
  reader: Reader,
  digest: Digest,
  limit: number,
): Promise<RepositoryName[]>;

/** Takes the blob out of the repository; refused while a manifest of the repository names it. */
export declare function deleteBlob(
  store: Store,
  what: { readonly repository: RepositoryName; readonly digest: Digest },
): Promise<
  Result<null, { readonly code: "blob-unknown" } | { readonly code: "blob-in-use" } | Unsettled>
>;
