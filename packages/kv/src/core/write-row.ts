// A write record read in place, for code that runs once a row: one object is used over and over, no
// bytes are copied, timestamps stay bytes or 32-bit halves. write-record.ts owns the format.
// hot path

import { u64Bytes } from "./byte-codec.ts";
import type { Timestamp } from "./timestamp.ts";
import { fromHalves, timestampBytes } from "./timestamp.ts";
import { writeTags, writeTypeBytes } from "./write-record.ts";

/** What the record means to a read at or after its commit. */
export type Visibility =
  /** It carries the value. */
  | "value"
  /** The key has no value. */
  | "none"
  /** It says nothing of the value: look at the next older record. */
  | "older";

export class WriteRow {
  /** A code of `writeTypeBytes`. */
  type = 0;
  /** Where the short value lies in the bytes read; -1: there is none. */
  valueStart = -1;
  valueEnd = -1;
  #startHigh = 0;
  #startLow = 0;
  #fenceAt = -1;

  get startTs(): Timestamp {
    return fromHalves(this.#startHigh, this.#startLow);
  }

  /** False when the bytes are malformed; the fields then mean nothing. */
  read(bytes: Buffer): boolean {
    this.valueStart = -1;
    this.#fenceAt = -1;
    this.type = bytes[0] ?? 0;
    const at = this.#readStart(bytes);
    return at > 0 && isType(this.type) && this.#readFields(bytes, at);
  }

  /** `readTs` as eight bytes, big-endian; `bytes` as they were read. */
  visibility(bytes: Buffer, readTs: Buffer): Visibility {
    if (this.#fenceAt >= 0 && isFenced(bytes, this.#fenceAt, readTs)) return "none";
    if (this.type === writeTypeBytes.put) return "value";
    return this.type === writeTypeBytes.delete ? "none" : "older";
  }

  /** Writes the start timestamp inverted, as the default family's keys end. */
  writeInvertedStart(target: Buffer, offset: number): void {
    target.writeUInt32BE(~this.#startHigh >>> 0, offset);
    target.writeUInt32BE(~this.#startLow >>> 0, offset + 4);
  }

  /** Where the varint behind the type ends; 0: it does not. */
  #readStart(bytes: Buffer): number {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      const byte = bytes[index + 1] ?? 0x80;
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high += bits * 2 ** (7 * index - 32);
      if (byte < 0x80) {
        this.#startLow = low >>> 0;
        this.#startHigh = high;
        return high > 0xffff_ffff ? 0 : index + 2;
      }
    }
    return 0;
  }

  #readFields(bytes: Buffer, from: number): boolean {
    let at = from;
    while (at < bytes.length) {
      switch (bytes[at]) {
        case writeTags.shortValue:
          this.valueStart = at + 2;
          this.valueEnd = at + 2 + (bytes[at + 1] ?? bytes.length);
          at = this.valueEnd;
          break;
        case writeTags.overlappedRollback:
          at += 1;
          break;
        case writeTags.gcFence:
          this.#fenceAt = at + 1;
          at += 1 + u64Bytes;
          break;
        // What follows, and what we do not know, matters to no reader.
        default:
          return true;
      }
    }
    return at === bytes.length;
  }
}

function isType(byte: number): boolean {
  return (
    byte === writeTypeBytes.put ||
    byte === writeTypeBytes.delete ||
    byte === writeTypeBytes.lock ||
    byte === writeTypeBytes.rollback
  );
}

/**
 * The fence names a commit that followed this record. When a read should see that commit and yet
 * found this record as the newest, the commit was a deletion, and a collection took both before
 * this record was written again.
 */
function isFenced(bytes: Buffer, at: number, readTs: Buffer): boolean {
  let isZero = true;
  for (let index = 0; index < timestampBytes && isZero; index++) isZero = bytes[at + index] === 0;
  return !isZero && bytes.compare(readTs, 0, timestampBytes, at, at + timestampBytes) <= 0;
}
