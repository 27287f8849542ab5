// Where a user key lies in the engine (TiKV's components/keys):
//
//   lock            z | memcomparable(key)
//   write, default  z | memcomparable(key) | inverted timestamp (8 bytes)
//
// The timestamp is that of the commit in the write family, of the start in the default family.

import {
  decodeBytes,
  encodedBytes,
  encodedEnd,
  type MemcomparableError,
  writeEncoded,
} from "./memcomparable.ts";
import { err, ok, type Result } from "./result.ts";
import {
  readInvertedTimestamp,
  type Timestamp,
  timestampBytes,
  writeInvertedTimestamp,
} from "./timestamp.ts";

export type DataKeyError = MemcomparableError | "bad-prefix" | "bad-length";

const prefix = 0x7a;
const prefixBytes = 1;

/** The key of a lock, and the common beginning of all versions of the key. */
export function dataKey(key: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes + encodedBytes(key.length));
  bytes[0] = prefix;
  writeEncoded(bytes, prefixBytes, key);
  return bytes;
}

/** The key of one version. */
export function versionKey(key: Uint8Array, timestamp: Timestamp): Buffer {
  const end = prefixBytes + encodedBytes(key.length);
  const bytes = Buffer.allocUnsafe(end + timestampBytes);
  bytes[0] = prefix;
  writeEncoded(bytes, prefixBytes, key);
  writeInvertedTimestamp(bytes, end, timestamp);
  return bytes;
}

/** Bounds [lower, upper) in the engine that hold all versions of the keys [start, end). */
export interface DataRange {
  readonly lower: Buffer;
  readonly upper: Buffer;
}

/** `end` null has no end: the bounds stop where the data keys do. */
export function dataRange(start: Uint8Array, end: Uint8Array | null): DataRange {
  return { lower: dataKey(start), upper: end === null ? Buffer.of(prefix + 1) : dataKey(end) };
}

/** Bounds of the versions of one key committed (or started) at or before `timestamp`. */
export function versionRange(key: Uint8Array, timestamp: Timestamp): DataRange {
  const lower = versionKey(key, timestamp);
  const upper = Buffer.allocUnsafe(lower.length + 1);
  upper.set(lower, 0);
  // Timestamp 0 is the last of the key; one byte more makes it part of the half-open range.
  upper.fill(0xff, lower.length - timestampBytes, lower.length);
  upper[lower.length] = 0;
  return { lower, upper };
}

/** The user key of a lock's key. */
export function decodeDataKey(bytes: Uint8Array): Result<Buffer, DataKeyError> {
  if (bytes[0] !== prefix) return err("bad-prefix");
  const end = encodedEnd(bytes, prefixBytes);
  if (end === null) return err("cut-short");
  if (end !== bytes.length) return err("bad-length");
  return decodeBytes(bytes, prefixBytes);
}

export interface Version {
  readonly key: Buffer;
  readonly timestamp: Timestamp;
}

/** The user key and the timestamp of a version's key. */
export function decodeVersionKey(bytes: Buffer): Result<Version, DataKeyError> {
  const key = userKeyOf(bytes);
  if (!key.ok) return key;
  const timestamp = readInvertedTimestamp(bytes, bytes.length - timestampBytes);
  return ok({ key: key.value, timestamp });
}

/** The user key in a version's key, whose timestamp is not looked at. */
export function userKeyOf(version: Buffer): Result<Buffer, DataKeyError> {
  if (version[0] !== prefix) return err("bad-prefix");
  const end = encodedEnd(version, prefixBytes);
  if (end === null) return err("cut-short");
  if (end + timestampBytes !== version.length) return err("bad-length");
  return decodeBytes(version, prefixBytes);
}
