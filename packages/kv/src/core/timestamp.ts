// Points of the store's time, as TiKV's timestamp oracle gives them: 46 bits of physical
// milliseconds since the Unix epoch, then 18 bits that count within a millisecond. They exceed
// 2^53, so a face shows them as bigint, while code that runs once a row compares their eight bytes
// in place.

import { assert } from "./assertion.ts";

export type Timestamp = bigint;

export const timestampMax: Timestamp = 0xffff_ffff_ffff_ffffn;
export const timestampBytes = 8;
/** How many timestamps one millisecond has. */
export const logicalCount = 2 ** 18;

const logicalBits = 18n;
const logicalMask = (1n << logicalBits) - 1n;
const physicalMsMax = 2 ** 46 - 1;
const low32 = 0xffff_ffffn;

/** The timestamp of a millisecond since the Unix epoch and a count within it. */
export function composeTimestamp(physicalMs: number, logical: number): Timestamp {
  assert(
    Number.isInteger(physicalMs) && physicalMs >= 0 && physicalMs <= physicalMsMax,
    `timestamp: ${physicalMs} ms is out of range`,
  );
  assert(
    Number.isInteger(logical) && logical >= 0 && logical < logicalCount,
    `timestamp: logical ${logical} is out of range`,
  );
  return (BigInt(physicalMs) << logicalBits) | BigInt(logical);
}

/** Milliseconds since the Unix epoch. */
export function physicalMs(timestamp: Timestamp): number {
  return Number(timestamp >> logicalBits);
}

export function logicalOf(timestamp: Timestamp): number {
  return Number(timestamp & logicalMask);
}

/** Eight bytes, big-endian: they sort as the timestamps do. */
export function encodeTimestamp(timestamp: Timestamp): Buffer {
  const bytes = Buffer.allocUnsafe(timestampBytes);
  writeTimestamp(bytes, 0, timestamp);
  return bytes;
}

/** Eight bytes that sort the other way round, so that a key's newest version comes first. */
export function encodeInvertedTimestamp(timestamp: Timestamp): Buffer {
  const bytes = Buffer.allocUnsafe(timestampBytes);
  writeInvertedTimestamp(bytes, 0, timestamp);
  return bytes;
}

export function writeTimestamp(bytes: Buffer, offset: number, timestamp: Timestamp): void {
  bytes.writeUInt32BE(highHalf(timestamp), offset);
  bytes.writeUInt32BE(lowHalf(timestamp), offset + 4);
}

export function writeInvertedTimestamp(bytes: Buffer, offset: number, timestamp: Timestamp): void {
  bytes.writeUInt32BE(~highHalf(timestamp) >>> 0, offset);
  bytes.writeUInt32BE(~lowHalf(timestamp) >>> 0, offset + 4);
}

/** The caller has seen to it that eight bytes are there. */
export function readTimestamp(bytes: Buffer, offset: number): Timestamp {
  return fromHalves(bytes.readUInt32BE(offset), bytes.readUInt32BE(offset + 4));
}

/** The caller has seen to it that eight bytes are there. */
export function readInvertedTimestamp(bytes: Buffer, offset: number): Timestamp {
  return fromHalves(~bytes.readUInt32BE(offset) >>> 0, ~bytes.readUInt32BE(offset + 4) >>> 0);
}

/** The upper 32 bits, unsigned. */
export function highHalf(timestamp: Timestamp): number {
  return Number(timestamp >> 32n);
}

/** The lower 32 bits, unsigned. */
export function lowHalf(timestamp: Timestamp): number {
  return Number(timestamp & low32);
}

export function fromHalves(high: number, low: number): Timestamp {
  return (BigInt(high) << 32n) | BigInt(low);
}
