// A record of the write family: what happened to a key at a commit timestamp (TiKV's
// txn_types/write.rs). Its key is that of data-key.ts; its value:
//
//   write   type (P D L R) | start timestamp (varint) | field*
//   field   v | length (u8) | value          a put's value, at most 255 bytes; p: protected
//           R                                a rollback fell on this very timestamp as well
//           F | timestamp (u64)              the commit behind this one at that rollback, 0: none
//           l | timestamp (u64) | varint     the last real change (last-change.ts)
//           S | varint                       where the transaction came from
//
// Fields come in this order. A reader stops at a tag that it does not know: a newer writer put it
// last.

import { assert } from "./assertion.ts";
import { ByteReader, ByteWriter, u64Bytes, varintBytesMax } from "./byte-codec.ts";
import {
  type LastChange,
  lastChangeUnknown,
  readLastChange,
  writeLastChange,
} from "./last-change.ts";
import { err, ok, type Result } from "./result.ts";
import type { Timestamp } from "./timestamp.ts";

/** Longer values lie in the default family. */
export const shortValueBytesMax = 255;

export type WriteType = "put" | "delete" | "lock" | "rollback";

export interface Write {
  readonly type: WriteType;
  readonly startTs: Timestamp;
  /** Null: there is none, or a put's value is long and lies in the default family. */
  readonly shortValue: Uint8Array | null;
  readonly overlappedRollback: boolean;
  /**
   * Set when an overlapped rollback made this record be written again: the commit that followed it
   * then, 0 for none. A reader that finds this record newest although that commit should be visible
   * knows that both were collected already and this one came back.
   */
  readonly gcFence: Timestamp | null;
  readonly lastChange: LastChange;
  /** 0: not given. */
  readonly source: bigint;
}

export type WriteRecordError = "empty" | "unknown-type" | "cut-short" | "bad-last-change";

export const writeTypeBytes = { put: 0x50, delete: 0x44, lock: 0x4c, rollback: 0x52 } as const;
export const writeTags = {
  shortValue: 0x76,
  overlappedRollback: 0x52,
  gcFence: 0x46,
  lastChange: 0x6c,
  source: 0x53,
} as const;

const fixedBytesMax = 1 + varintBytesMax + 2 + 1 + 2 * (1 + u64Bytes) + 2 * varintBytesMax + 1;
const protectedValue = Buffer.from("p");

/** A record without optional fields but the value. */
export function newWrite(
  type: WriteType,
  startTs: Timestamp,
  shortValue: Uint8Array | null,
): Write {
  return {
    type,
    startTs,
    shortValue,
    overlappedRollback: false,
    gcFence: null,
    lastChange: lastChangeUnknown,
    source: 0n,
  };
}

/** Protected: later rollbacks of the key may not replace it. */
export function newRollback(startTs: Timestamp, isProtected: boolean): Write {
  return newWrite("rollback", startTs, isProtected ? protectedValue : null);
}

export function isProtectedRollback(write: Write): boolean {
  const value = write.shortValue;
  return write.type === "rollback" && value !== null && protectedValue.equals(value);
}

export function encodeWrite(write: Write): Buffer {
  const { shortValue, lastChange } = write;
  const valueBytes = shortValue?.length ?? 0;
  assert(valueBytes <= shortValueBytesMax, "write record: the short value is too long");
  const writer = new ByteWriter(fixedBytesMax + valueBytes);
  writer.u8(writeTypeBytes[write.type]);
  writer.varint(write.startTs);
  if (shortValue !== null) {
    writer.u8(writeTags.shortValue);
    writer.u8(valueBytes);
    writer.append(shortValue);
  }
  if (write.overlappedRollback) writer.u8(writeTags.overlappedRollback);
  if (write.gcFence !== null) {
    writer.u8(writeTags.gcFence);
    writer.u64(write.gcFence);
  }
  if (lastChange.type !== "unknown") {
    writer.u8(writeTags.lastChange);
    writeLastChange(writer, lastChange);
  }
  if (write.source !== 0n) {
    writer.u8(writeTags.source);
    writer.varint(write.source);
  }
  return writer.finish();
}

export function decodeWrite(bytes: Uint8Array): Result<Write, WriteRecordError> {
  if (bytes.length === 0) return err("empty");
  const type = typeOf(bytes[0]);
  if (type === null) return err("unknown-type");
  const reader = new ByteReader(bytes);
  reader.u8();
  const startTs = reader.varint();
  const fields = readFields(reader);
  if (fields === null) return err("bad-last-change");
  if (reader.failed) return err("cut-short");
  return ok({ type, startTs, ...fields });
}

function typeOf(byte: number | undefined): WriteType | null {
  if (byte === writeTypeBytes.put) return "put";
  if (byte === writeTypeBytes.delete) return "delete";
  if (byte === writeTypeBytes.lock) return "lock";
  return byte === writeTypeBytes.rollback ? "rollback" : null;
}

type Fields = Omit<Write, "type" | "startTs">;

function readFields(reader: ByteReader): Fields | null {
  let shortValue: Buffer | null = null;
  let overlappedRollback = false;
  let gcFence: Timestamp | null = null;
  let lastChange: LastChange | null = lastChangeUnknown;
  let source = 0n;
  let known = true;
  while (known && !reader.atEnd) {
    const tag = reader.u8();
    if (tag === writeTags.shortValue) shortValue = reader.take(reader.u8());
    else if (tag === writeTags.overlappedRollback) overlappedRollback = true;
    else if (tag === writeTags.gcFence) gcFence = reader.u64();
    else if (tag === writeTags.lastChange) lastChange = readLastChange(reader);
    else if (tag === writeTags.source) source = reader.varint();
    else known = false;
    if (lastChange === null) return reader.failed ? emptyFields : null;
  }
  return { shortValue, overlappedRollback, gcFence, lastChange, source };
}

const emptyFields: Fields = {
  shortValue: null,
  overlappedRollback: false,
  gcFence: null,
  lastChange: lastChangeUnknown,
  source: 0n,
};
