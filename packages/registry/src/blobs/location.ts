// How a blob's location is spelt: `<2 hex>/<uuid>`, the two digits being the first of the UUID, so
// that rising locations are rising UUIDs and no directory grows beyond a 256th of all blobs. Chosen
// at random, so it says nothing of the content and is never used again.

import { IoError, type Random } from "@sampan/env";
import type { BlobLocation } from "./blobs.ts";

const pattern = /^([0-9a-f]{2})\/\1[0-9a-f]{6}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function newBlobLocation(random: Random): BlobLocation {
  const uuid = random.uuid();
  return checkBlobLocation(`${uuid.slice(0, 2)}/${uuid}`);
}

/** The location, or null when the text is not one: nothing else ever becomes a path. */
export function parseBlobLocation(text: string): BlobLocation | null {
  return pattern.test(text) ? (text as BlobLocation) : null;
}

/** For locations that come out of records: one that is none means that the record is damaged. */
export function checkBlobLocation(text: string): BlobLocation {
  const location = parseBlobLocation(text);
  if (location === null) throw new IoError("corrupt", `no blob location: ${JSON.stringify(text)}`);
  return location;
}

/** The directory a location lies in. */
export function blobShard(location: BlobLocation): string {
  return location.slice(0, 2);
}
