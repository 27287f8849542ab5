// The hint that a record of type lock carries of the last real change of its key, so that a reader
// may skip a run of such records. We store what we are given and read without it.

import type { ByteReader, ByteWriter } from "./byte-codec.ts";
import type { Timestamp } from "./timestamp.ts";

export type LastChange =
  | { readonly type: "unknown" }
  /** No change before, or a deletion. */
  | { readonly type: "none" }
  | {
      readonly type: "exists";
      readonly commitTs: Timestamp;
      /** About how many records lie between. */
      readonly versions: bigint;
    };

export const lastChangeUnknown: LastChange = { type: "unknown" };

/** A timestamp of 0 with a count means none; a timestamp without a count has no meaning: null. */
export function readLastChange(reader: ByteReader): LastChange | null {
  const commitTs = reader.u64();
  const versions = reader.varint();
  if (commitTs === 0n) return versions === 0n ? lastChangeUnknown : { type: "none" };
  return versions === 0n ? null : { type: "exists", commitTs, versions };
}

/** The caller leaves `unknown` out, tag and all. */
export function writeLastChange(writer: ByteWriter, change: LastChange): void {
  writer.u64(change.type === "exists" ? change.commitTs : 0n);
  writer.varint(change.type === "exists" ? change.versions : 1n);
}
