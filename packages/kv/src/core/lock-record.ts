// A record of the lock family: a write under way on a key (TiKV's txn_types/lock.rs). Its key is
// the data key without a timestamp; its value:
//
//   lock    type (P D L S H) | primary (compact) | start timestamp (varint) | ttl (varint) | field*
//   field   v | length (u8) | value         the value to be committed, at most 255 bytes
//           f | timestamp (u64)             for-update timestamp: the transaction is pessimistic
//           t | u64                         size of the transaction, in keys
//           c | timestamp (u64)             least commit timestamp allowed
//           a | varint | compact*           async commit, with the secondaries' keys
//           r | varint | timestamp (u64)*   rollbacks of others that our commit could overwrite
//           l | timestamp (u64) | varint    the last real change (last-change.ts)
//           s | varint                      where the transaction came from
//           F                               locked although a newer commit was there
//           g | u64                         generation, of pipelined transactions
//           h | varint | compact*           a shared lock's holders, each a lock record
//
// Fields come in this order. A reader stops at a tag that it does not know: a newer writer put it
// last. Embedded commits are one-phase and never write one; the cluster does.

import { assert } from "./assertion.ts";
import {
  ByteReader,
  ByteWriter,
  compactLengthBytesMax,
  u64Bytes,
  varintBytesMax,
} from "./byte-codec.ts";
import {
  type LastChange,
  lastChangeUnknown,
  readLastChange,
  writeLastChange,
} from "./last-change.ts";
import { err, ok, type Result } from "./result.ts";
import type { Timestamp } from "./timestamp.ts";
import { shortValueBytesMax } from "./write-record.ts";

export type LockType = "put" | "delete" | "lock" | "pessimistic" | "shared";

export interface Lock {
  readonly type: LockType;
  /** User key of the transaction's primary: its record decides the transaction's fate. */
  readonly primary: Uint8Array;
  readonly startTs: Timestamp;
  /** How long after its start the transaction is taken to be alive, milliseconds. */
  readonly ttlMs: bigint;
  /** Null: there is none, or it is long and lies in the default family. */
  readonly shortValue: Uint8Array | null;
  /** 0: an optimistic transaction. */
  readonly forUpdateTs: Timestamp;
  /** Keys of the transaction; 0: not given. */
  readonly transactionSize: bigint;
  /** 0: none. */
  readonly minCommitTs: Timestamp;
  /** Null: no async commit. Else the primary's lock lists the secondaries' keys, theirs nothing. */
  readonly secondaries: readonly Uint8Array[] | null;
  readonly rollbackTs: readonly Timestamp[];
  readonly lastChange: LastChange;
  /** 0: not given. */
  readonly source: bigint;
  readonly lockedWithConflict: boolean;
  /** 0: not pipelined. */
  readonly generation: bigint;
  /** The encoded locks that a shared one stands for, null for the other types. */
  readonly holders: readonly Uint8Array[] | null;
}

export type LockRecordError = "empty" | "unknown-type" | "cut-short" | "bad-last-change";

const typeBytes = { put: 0x50, delete: 0x44, lock: 0x4c, pessimistic: 0x53, shared: 0x48 } as const;
const lockTypes: readonly LockType[] = ["put", "delete", "lock", "pessimistic", "shared"];
const tags = {
  shortValue: 0x76,
  forUpdateTs: 0x66,
  transactionSize: 0x74,
  minCommitTs: 0x63,
  secondaries: 0x61,
  rollbackTs: 0x72,
  lastChange: 0x6c,
  source: 0x73,
  lockedWithConflict: 0x46,
  generation: 0x67,
  holders: 0x68,
} as const;

/** Every tag with a fixed or varint field at its longest, and the type. */
const fixedBytesMax = 1 + 11 + 5 * u64Bytes + 8 * varintBytesMax + 1;

export type NewLock = Pick<Lock, "type" | "primary" | "startTs" | "ttlMs">;

/** A lock without optional fields. */
export function newLock(fields: NewLock): Lock {
  return {
    ...fields,
    shortValue: null,
    forUpdateTs: 0n,
    transactionSize: 0n,
    minCommitTs: 0n,
    secondaries: null,
    rollbackTs: [],
    lastChange: lastChangeUnknown,
    source: 0n,
    lockedWithConflict: false,
    generation: 0n,
    holders: null,
  };
}

export function isPessimistic(lock: Lock): boolean {
  return lock.forUpdateTs !== 0n;
}

export function encodeLock(lock: Lock): Buffer {
  const valueBytes = lock.shortValue?.length ?? 0;
  assert(valueBytes <= shortValueBytesMax, "lock record: the short value is too long");
  const writer = new ByteWriter(
    fixedBytesMax +
      compactBytesMax([lock.primary]) +
      valueBytes +
      compactBytesMax(lock.secondaries ?? []) +
      lock.rollbackTs.length * u64Bytes +
      compactBytesMax(lock.holders ?? []),
  );
  writer.u8(typeBytes[lock.type]);
  writer.compact(lock.primary);
  writer.varint(lock.startTs);
  writer.varint(lock.ttlMs);
  writeValueAndTimes(writer, lock);
  writeRest(writer, lock);
  return writer.finish();
}

function compactBytesMax(strings: readonly Uint8Array[]): number {
  return strings.reduce((sum, bytes) => sum + compactLengthBytesMax + bytes.length, 0);
}

function writeValueAndTimes(writer: ByteWriter, lock: Lock): void {
  if (lock.shortValue !== null) {
    writer.u8(tags.shortValue);
    writer.u8(lock.shortValue.length);
    writer.append(lock.shortValue);
  }
  writeU64(writer, tags.forUpdateTs, lock.forUpdateTs);
  writeU64(writer, tags.transactionSize, lock.transactionSize);
  writeU64(writer, tags.minCommitTs, lock.minCommitTs);
  if (lock.secondaries !== null) writeCompacts(writer, tags.secondaries, lock.secondaries);
  if (lock.rollbackTs.length > 0) {
    writer.u8(tags.rollbackTs);
    writer.varint(BigInt(lock.rollbackTs.length));
    for (const timestamp of lock.rollbackTs) writer.u64(timestamp);
  }
}

function writeRest(writer: ByteWriter, lock: Lock): void {
  if (lock.lastChange.type !== "unknown") {
    writer.u8(tags.lastChange);
    writeLastChange(writer, lock.lastChange);
  }
  if (lock.source !== 0n) {
    writer.u8(tags.source);
    writer.varint(lock.source);
  }
  if (lock.lockedWithConflict) writer.u8(tags.lockedWithConflict);
  writeU64(writer, tags.generation, lock.generation);
  if (lock.holders !== null) writeCompacts(writer, tags.holders, lock.holders);
}

function writeU64(writer: ByteWriter, tag: number, value: bigint): void {
  if (value === 0n) return;
  writer.u8(tag);
  writer.u64(value);
}

function writeCompacts(writer: ByteWriter, tag: number, strings: readonly Uint8Array[]): void {
  writer.u8(tag);
  writer.varint(BigInt(strings.length));
  for (const bytes of strings) writer.compact(bytes);
}

export function decodeLock(bytes: Uint8Array): Result<Lock, LockRecordError> {
  if (bytes.length === 0) return err("empty");
  const type = lockTypes.find((name) => typeBytes[name] === bytes[0]);
  if (type === undefined) return err("unknown-type");
  const reader = new ByteReader(bytes);
  reader.u8();
  const primary = reader.compact();
  const startTs = reader.varint();
  // The oldest records end before the ttl.
  const ttlMs = reader.atEnd ? 0n : reader.varint();
  const lock: Mutable<Lock> = newLock({ type, primary, startTs, ttlMs });
  while (!reader.atEnd) {
    const outcome = readField(reader, lock);
    if (outcome === "unknown") break;
    if (outcome === "bad-last-change" && !reader.failed) return err(outcome);
  }
  return reader.failed ? err("cut-short") : ok(lock);
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function readField(
  reader: ByteReader,
  lock: Mutable<Lock>,
): "read" | "unknown" | "bad-last-change" {
  switch (reader.u8()) {
    case tags.shortValue:
      lock.shortValue = reader.take(reader.u8());
      return "read";
    case tags.forUpdateTs:
      lock.forUpdateTs = reader.u64();
      return "read";
    case tags.transactionSize:
      lock.transactionSize = reader.u64();
      return "read";
    case tags.minCommitTs:
      lock.minCommitTs = reader.u64();
      return "read";
    case tags.secondaries:
      lock.secondaries = readCompacts(reader);
      return "read";
    case tags.rollbackTs:
      lock.rollbackTs = Array.from({ length: reader.count(u64Bytes) }, () => reader.u64());
      return "read";
    case tags.lastChange: {
      const change = readLastChange(reader);
      if (change === null) return "bad-last-change";
      lock.lastChange = change;
      return "read";
    }
    case tags.source:
      lock.source = reader.varint();
      return "read";
    case tags.lockedWithConflict:
      lock.lockedWithConflict = true;
      return "read";
    case tags.generation:
      lock.generation = reader.u64();
      return "read";
    case tags.holders:
      lock.holders = readCompacts(reader);
      return "read";
    default:
      return "unknown";
  }
}

function readCompacts(reader: ByteReader): Buffer[] {
  return Array.from({ length: reader.count(1) }, () => reader.compact());
}
