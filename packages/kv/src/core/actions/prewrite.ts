// The first phase of a commit (Percolator, section 2.2): lock a key, with what is to be written.

import { type Lock, newLock } from "../lock-record.ts";
import { type Modify, putLock, putValue } from "../modify.ts";
import { type Key, longValueOf, type Mutation, shortValueOf } from "../mutation.ts";
import type { MvccReader } from "../mvcc-reader.ts";
import { err, ok, type Result } from "../result.ts";
import { type Timestamp, timestampMax } from "../timestamp.ts";
import { checkConflict, type Locked, type WriteConflict } from "./check-conflict.ts";

export interface PrewriteOptions {
  readonly primary: Key;
  readonly startTs: Timestamp;
  readonly ttlMs: bigint;
  /** Keys of the whole transaction; 0 when not known. */
  readonly transactionSize: bigint;
  /** 0: none. */
  readonly minCommitTs: Timestamp;
}

export type PrewriteError =
  | WriteConflict
  /** By another transaction; ours to wait for or to resolve. */
  | Locked
  /** This transaction locked the key pessimistically, and now commits as an optimistic one. */
  | { readonly code: "lock-type-mismatch"; readonly key: Key; readonly lock: Lock };

/** Nothing to change when the lock is there already: the request came twice. */
export function prewrite(
  reader: MvccReader,
  mutation: Mutation,
  options: PrewriteOptions,
): Result<Modify[], PrewriteError> {
  const { key } = mutation;
  const held = reader.lock(key);
  if (held !== null) {
    if (held.startTs !== options.startTs) return err({ code: "locked", key, lock: held });
    if (held.type === "pessimistic") return err({ code: "lock-type-mismatch", key, lock: held });
    return ok([]);
  }
  const conflict = checkConflict(reader.seekWrite(key, timestampMax), key, options.startTs);
  return conflict === null ? ok(lockModifies(mutation, options)) : err(conflict);
}

function lockModifies(mutation: Mutation, options: PrewriteOptions): Modify[] {
  const { primary, startTs, ttlMs, transactionSize, minCommitTs } = options;
  const lock: Lock = {
    ...newLock({ type: mutation.type, primary, startTs, ttlMs }),
    shortValue: shortValueOf(mutation),
    transactionSize,
    minCommitTs,
  };
  const modifies = [putLock(mutation.key, lock)];
  const longValue = longValueOf(mutation);
  if (longValue !== null) modifies.push(putValue(mutation.key, startTs, longValue));
  return modifies;
}
