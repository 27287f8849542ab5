// Whether what a record names may be used. What is to be deleted is condemned first; whoever
// condemned it waits longer than any transaction can last, looks again and only then deletes.
// Whoever wants to refer to a condemned record meanwhile rewrites it as live, which conflicts with
// the deletion.
//
//   live        00
//   condemned   01 ‖ u64, the start timestamp of the transaction that condemned it
//   unused      02 ‖ u64, likewise; of blob links: condemned because no manifest names the blob, so a
//               manifest that names it now may have it, as it may not have what a client deleted
//
// The timestamp tells one condemnation from the next. It does not tell how long ago that was: a
// store's time may lag behind the clock. The wait is measured by who waits, on a monotonic clock.

import type { Timestamp } from "@sampan/kv/txn";
import type { RecordReader, RecordWriter } from "./record-bytes.ts";

export type RecordState =
  | { readonly type: "live" }
  | { readonly type: "condemned" | "unused"; readonly atTs: Timestamp };

const stateNumbers = { live: 0, condemned: 1, unused: 2 } as const;

export const live: RecordState = { type: "live" };

export function writeState(writer: RecordWriter, state: RecordState): void {
  writer.u8(stateNumbers[state.type]);
  if (state.type !== "live") writer.u64(state.atTs);
}

export function readState(reader: RecordReader): RecordState {
  const number = reader.u8();
  if (number === stateNumbers.live) return live;
  return { type: number === stateNumbers.unused ? "unused" : "condemned", atTs: reader.u64() };
}
