// The bytes of one upload under one request: received behind what is stored, verified against a
// digest, made durable. The handlers in endpoints/uploads.ts decide what that means for the client.

import { type Env, errorMessage, IoError } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { type Digest, digestAlgorithm } from "@sampan/oci/model";
import type { BlobStore, BlobUpload } from "../../blobs/blobs.ts";
import { deleteUpload, type Upload } from "../../meta/index.ts";
import type { BufferPool } from "../buffer-pool.ts";
import type { HashPool } from "./hash-pool.ts";
import type { UploadSession } from "./sessions.ts";
import { hashStored } from "./stored-hash.ts";

export interface UploadFilesDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly pool: BufferPool;
  readonly hashes: HashPool;
}

/**
 * The digest of all that is stored: of the session's hash where it covers that, else read again.
 */
export async function digestOfStored(
  deps: UploadFilesDeps,
  upload: { readonly session: UploadSession; readonly file: BlobUpload },
  expected: Digest,
): Promise<Digest> {
  const { session, file } = upload;
  const algorithm = digestAlgorithm(expected);
  const { hash } = session;
  session.hash = null;
  if (hash?.algorithm === algorithm && hash.bytes === file.bytes) {
    const hex = await hash.finish();
    if (hex !== null) return `${algorithm}:${hex}` as Digest;
  }
  hash?.abandon();
  const body = deps.blobs.body(file.location, { start: 0, end: file.bytes });
  return await hashStored(deps, body, algorithm);
}

interface DiscardDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
}

/**
 * Forgets the upload, then its bytes; in this order, so that no record names bytes that are gone.
 * The bytes go only when the record did: else they may be those of a blob. What a failure in
 * between leaves, the sweep takes.
 */
export async function discardUpload(
  deps: DiscardDeps,
  upload: Upload,
): ReturnType<typeof deleteUpload> {
  const { repository, id } = upload;
  const deleted = await deleteUpload(deps.store, { repository, id });
  if (deleted.ok) await deps.blobs.delete(deleted.value.location);
  return deleted;
}

/** For those who go on whatever comes of it: the sweep will come back to it. True: it is gone. */
export async function tryDiscard(env: Env, deps: DiscardDeps, upload: Upload): Promise<boolean> {
  try {
    return (await discardUpload(deps, upload)).ok;
  } catch (error) {
    const message = errorMessage(error);
    env.log.warn("an upload could not be discarded", { upload: upload.id, error: message });
    return false;
  }
}

/** Not the disk's doing but the client's: what was stored is good and may be gone on with. */
const bodyFailures: readonly string[] = ["aborted", "stalled", "too-large"];

/** After it nobody knows what the location holds. */
export function isBlobFailure(error: unknown): boolean {
  return error instanceof IoError && !bodyFailures.includes(error.code);
}
