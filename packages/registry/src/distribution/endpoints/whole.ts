// Are the bytes of a blob where its record says, and all of them? Asked before a client is told that
// it need not send them: one look at the file, or one HEAD to the object store. A client that is
// told the truth pushes the blob again, which heals it.

import { type BlobOf, type FoundBlob, findBlob } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { reading } from "../reading.ts";

export async function isWhole(context: DistributionContext, blob: FoundBlob): Promise<boolean> {
  return (await context.blobs.stat(blob.location))?.bytes === blob.bytes;
}

/** False also where the repository has no such blob. */
export async function isBlobWhole(context: DistributionContext, of: BlobOf): Promise<boolean> {
  const blob = await reading(context.store, (reader) => findBlob(reader, of.repository, of.digest));
  return blob !== null && (await isWhole(context, blob));
}
