// The bytes of one upload under one request: received behind what is stored, verified against a
// digest, made durable. The handlers in endpoints/uploads.ts decide what that means for the client.

import { type Env, errorMessage, IoError } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { type Digest, digestAlgorithm } from "@sampan/oci/model";
import type { BlobStore, BlobUpload } from "../../blobs/blobs.ts";
import { deleteUpload, type Upload } from "../../meta/index.ts";
import type { BufferPool } from "../buffer-pool.ts";
import { settled } from "../settled.ts";
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

/**
 * Forgets the upload, then its bytes; in this order, so that no record names bytes that are gone.
 * What a failure in between leaves, the sweep takes.
 */
export async function discardUpload(
  env: Env,
  deps: { readonly store: Store; readonly blobs: BlobStore },
  upload: Upload,
): Promise<void> {
  const { repository, id, location } = upload;
  try {
    const { result } = await settled(() => deleteUpload(deps.store, { repository, id }));
    if (!result.ok && result.error.code === "contended") return;
    await deps.blobs.delete(location);
  } catch (error) {
    env.log.warn("an upload could not be discarded", { upload: id, error: errorMessage(error) });
  }
}

/** Not the disk's doing but the client's: what was stored is good and may be gone on with. */
const bodyFailures: readonly string[] = ["aborted", "stalled", "too-large"];

/** After it nobody knows what the location holds. */
export function isBlobFailure(error: unknown): boolean {
  return error instanceof IoError && !bodyFailures.includes(error.code);
}
