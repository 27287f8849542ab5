// Whether what a record names may be used. The collector condemns what nothing refers to, waits longer
// than any transaction can last, looks again and only then deletes; whoever wants to refer to
// a condemned record meanwhile rewrites it as live, which conflicts with the collector's deletion.
//
//   live        00
//   condemned   01 ‖ varint: when, milliseconds since the epoch (the store's clock)

import type { RecordReader, RecordWriter } from "./record-bytes.ts";

export type RecordState =
  | { readonly type: "live" }
  | { readonly type: "condemned"; readonly sinceMs: number };

export const live: RecordState = { type: "live" };

export function writeState(writer: RecordWriter, state: RecordState): void {
  writer.u8(state.type === "live" ? 0 : 1);
  if (state.type === "condemned") writer.varint(state.sinceMs);
}

export function readState(reader: RecordReader): RecordState {
  return reader.u8() === 0 ? live : { type: "condemned", sinceMs: reader.varint() };
}
