// Which record names a location: what the sweep of bytes that no record names asks.
//
//   location   version ‖ 1 ‖ upload:text | 2 ‖ digest (blob) | 3 ‖ digest (manifest)

import { IoError } from "@sampan/env";
import type { Reader } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { locationKey } from "./keys.ts";
import { RecordReader, RecordWriter } from "./record-bytes.ts";

const locationVersion = 1;

export type LocationOwner =
  | { readonly type: "upload"; readonly id: string }
  | { readonly type: "blob"; readonly digest: Digest }
  | { readonly type: "manifest"; readonly digest: Digest };

const ownerNumbers = { upload: 1, blob: 2, manifest: 3 } as const;

export function encodeLocation(owner: LocationOwner): Uint8Array {
  const writer = new RecordWriter(locationVersion);
  writer.u8(ownerNumbers[owner.type]);
  if (owner.type === "upload") writer.text(owner.id);
  else writer.digest(owner.digest);
  return writer.finish();
}

export function decodeLocation(bytes: Uint8Array): LocationOwner {
  const reader = new RecordReader(bytes, locationVersion);
  const number = reader.u8();
  if (number === ownerNumbers.upload) return { type: "upload", id: reader.text() };
  if (number === ownerNumbers.blob) return { type: "blob", digest: reader.digest() };
  if (number === ownerNumbers.manifest) return { type: "manifest", digest: reader.digest() };
  throw new IoError("corrupt", "a location has an owner of an unknown kind");
}

/**
 * In the order of `locations`; null: no record names it. A location is created before the record
 * that names it, so bytes younger than an hour or so may be about to be named: leave them.
 */
export async function findLocations(
  reader: Reader,
  locations: readonly BlobLocation[],
): Promise<(LocationOwner | null)[]> {
  const values = await reader.getMany(locations.map(locationKey));
  return values.map((value) => (value === null ? null : decodeLocation(value)));
}
