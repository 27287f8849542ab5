// What the embedded store keeps about itself, in the raft family, beside where a cluster node keeps
// its own (which begin with 01 01 to 01 03). Local keys:
//
//   01 65 66   format       version (u32, big-endian)
//   01 65 73   safe point   timestamp (8 bytes, big-endian): versions that only older reads could
//                           see may be gone
//   01 65 74   time bound   timestamp (8 bytes, big-endian): none at or above it was ever given out
//
// Everything else the store writes are a transaction's records (core), as two phases leave them.

import { IoError } from "@sampan/env";
import { encodeTimestamp, readTimestamp, type Timestamp, timestampBytes } from "../core/index.ts";
import { type Engine, type Family, families, type WriteBatch } from "../engine/engine.ts";
import { createWriteBatch } from "../engine/write-batch.ts";

/** Raised when an older version of this program could misread what a newer one writes. */
export const formatVersion = 1;

export const formatKey = Buffer.of(0x01, 0x65, 0x66);
export const safePointKey = Buffer.of(0x01, 0x65, 0x73);
export const timeBoundKey = Buffer.of(0x01, 0x65, 0x74);

export interface LocalRecords {
  readonly safePoint: Timestamp;
  /** 0 in a new store. */
  readonly timeBound: Timestamp;
}

/**
 * Reads the records; into an empty engine writes the format first. Fails with `format-newer`,
 * `format-unknown` (data that no embedded store wrote) or `corrupt`.
 */
export async function openLocalRecords(engine: Engine): Promise<LocalRecords> {
  const [format, safePoint, timeBound] = await engine.getMany(
    "raft",
    [formatKey, safePointKey, timeBoundKey],
    null,
  );
  if (format === undefined || format === null) await writeFormat(engine);
  else checkFormat(format);
  return {
    safePoint: timestampOf(safePoint, "safe point"),
    timeBound: timestampOf(timeBound, "time bound"),
  };
}

async function writeFormat(engine: Engine): Promise<void> {
  for (const family of families) {
    if (await isEmpty(engine, family)) continue;
    throw new IoError(
      "format-unknown",
      `family ${family} has data but no record of the format: not an embedded store's directory`,
    );
  }
  const version = Buffer.alloc(4);
  version.writeUInt32BE(formatVersion);
  const batch = createWriteBatch();
  batch.put("raft", formatKey, version);
  await engine.write(batch, { sync: true });
}

async function isEmpty(engine: Engine, family: Family): Promise<boolean> {
  const iterator = engine.iterate(family, {
    lower: Buffer.alloc(0),
    upper: null,
    reverse: false,
    snapshot: null,
    keysOnly: true,
  });
  try {
    return !(await iterator.next());
  } finally {
    iterator.close();
  }
}

function checkFormat(record: Buffer): void {
  if (record.length !== 4) throw corrupt("format", record);
  const version = record.readUInt32BE();
  if (version > formatVersion) {
    throw new IoError(
      "format-newer",
      `the data are of format ${version}, this program reads up to ${formatVersion}`,
    );
  }
  if (version === 0) throw corrupt("format", record);
}

function timestampOf(record: Buffer | null | undefined, what: string): Timestamp {
  if (record === null || record === undefined) return 0n;
  if (record.length !== timestampBytes) throw corrupt(what, record);
  return readTimestamp(record, 0);
}

function corrupt(what: string, record: Buffer): IoError {
  return new IoError(
    "corrupt",
    `the record of the ${what} is malformed: ${record.toString("hex")}`,
  );
}

/** To be synced before a timestamp below it is given out. */
export function timeBoundBatch(bound: Timestamp): WriteBatch {
  const batch = createWriteBatch();
  batch.put("raft", timeBoundKey, encodeTimestamp(bound));
  return batch;
}

/** Needs no sync: what is written behind it is lost before it is. */
export function safePointBatch(safePoint: Timestamp): WriteBatch {
  const batch = createWriteBatch();
  batch.put("raft", safePointKey, encodeTimestamp(safePoint));
  return batch;
}
