// Gives a transaction up on one key and leaves a record that it was, so that a prewrite which comes
// late does not bring it back to life.
//
// A newer rollback of the same key replaces an older one (a late prewrite then conflicts with the
// newer), unless it is protected: a pessimistic transaction's prewrite does not look for newer
// records.

import { isPessimistic, type Lock } from "../lock-record.ts";
import { deleteLock, deleteValue, deleteWrite, type Modify, putLock, putWrite } from "../modify.ts";
import type { Key } from "../mutation.ts";
import type { MvccReader } from "../mvcc-reader.ts";
import { err, ok, type Result } from "../result.ts";
import type { Timestamp } from "../timestamp.ts";
import { type OverlappedWrite, transactionRecord } from "../transaction-record.ts";
import { isProtectedRollback, newRollback } from "../write-record.ts";

export interface RollbackOptions {
  readonly startTs: Timestamp;
  /** The record may not be replaced: the key is a primary, or its prewrite may still come. */
  readonly protect: boolean;
}

export interface RollbackError {
  readonly code: "committed";
  readonly key: Key;
  readonly startTs: Timestamp;
  readonly commitTs: Timestamp;
}

/** Nothing to change when it was rolled back already. */
export function rollback(
  reader: MvccReader,
  key: Key,
  options: RollbackOptions,
): Result<Modify[], RollbackError> {
  const { startTs } = options;
  const lock = reader.lock(key);
  const isOurs = lock !== null && lock.startTs === startTs;
  const record = transactionRecord(reader, key, startTs);
  switch (record.type) {
    case "committed":
      return err({ code: "committed", key, startTs, commitTs: record.commitTs });
    case "rolled-back":
      return ok(isOurs ? releaseLock(key, lock) : []);
    case "none":
      return ok([
        ...rollbackRecord(key, {
          startTs,
          // An optimistic transaction's own lock shows that its prewrite has come already.
          isProtected: isOurs ? isProtectedPrimary(key, lock) : options.protect,
          overlapped: record.overlapped,
        }),
        ...(options.protect ? [] : replacedRollback(reader, key, startTs)),
        ...(isOurs ? releaseLock(key, lock) : []),
        ...(lock !== null && !isOurs && record.overlapped === null && options.protect
          ? noteInLock(key, lock, startTs)
          : []),
      ]);
  }
}

function isProtectedPrimary(key: Key, lock: Lock): boolean {
  return isPessimistic(lock) && Buffer.compare(lock.primary, key) === 0;
}

function releaseLock(key: Key, lock: Lock): Modify[] {
  const hasLongValue = lock.type === "put" && lock.shortValue === null;
  return hasLongValue ? [deleteValue(key, lock.startTs), deleteLock(key)] : [deleteLock(key)];
}

/**
 * The place of our record may be taken by another's commit at the same timestamp. A protected
 * rollback is then noted in that record, with a fence against its return after a collection. One
 * that is not may be lost: should the prewrite still come, its lock meets the fate of the primary,
 * which is protected.
 */
function rollbackRecord(
  key: Key,
  rollback: {
    readonly startTs: Timestamp;
    readonly isProtected: boolean;
    readonly overlapped: OverlappedWrite | null;
  },
): Modify[] {
  const { startTs, isProtected, overlapped } = rollback;
  if (overlapped === null) return [putWrite(key, startTs, newRollback(startTs, isProtected))];
  if (!isProtected) return [];
  const { write, gcFence } = overlapped;
  return [putWrite(key, startTs, { ...write, overlappedRollback: true, gcFence })];
}

function replacedRollback(reader: MvccReader, key: Key, startTs: Timestamp): Modify[] {
  const before = reader.seekWrite(key, startTs);
  if (before === null || before.write.type !== "rollback") return [];
  return isProtectedRollback(before.write) ? [] : [deleteWrite(key, before.commitTs)];
}

/**
 * Another transaction holds the key. Under async commit its commit timestamp is computed and may
 * fall on ours, and its record would then wipe ours out: so it takes the note along.
 */
function noteInLock(key: Key, lock: Lock, startTs: Timestamp): Modify[] {
  if (lock.secondaries === null || startTs < lock.minCommitTs) return [];
  return [putLock(key, { ...lock, rollbackTs: [...lock.rollbackTs, startTs] })];
}
