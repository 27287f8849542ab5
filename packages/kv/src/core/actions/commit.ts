// The second phase of a commit: a lock becomes a write record. Once the primary's is there, the
// transaction is committed.

import type { Lock } from "../lock-record.ts";
import { deleteLock, type Modify, putWrite } from "../modify.ts";
import type { Key } from "../mutation.ts";
import type { MvccReader } from "../mvcc-reader.ts";
import { err, ok, type Result } from "../result.ts";
import type { Timestamp } from "../timestamp.ts";
import { transactionRecord } from "../transaction-record.ts";
import { newWrite, type Write, type WriteType } from "../write-record.ts";

export interface CommitTimes {
  readonly startTs: Timestamp;
  readonly commitTs: Timestamp;
}

export type CommitError =
  /** Rolled back, or never prewritten. */
  | ({ readonly code: "lock-not-found"; readonly key: Key } & CommitTimes)
  /** A reader pushed the lock's bound: take a new commit timestamp. */
  | ({
      readonly code: "commit-ts-expired";
      readonly key: Key;
      readonly minCommitTs: Timestamp;
    } & CommitTimes)
  | ({ readonly code: "commit-ts-too-small"; readonly key: Key } & CommitTimes)
  /** Locked but not prewritten. */
  | ({ readonly code: "lock-type-mismatch"; readonly key: Key } & CommitTimes);

/** Nothing to change when the key is committed already: the request came twice. */
export function commit(
  reader: MvccReader,
  key: Key,
  times: CommitTimes,
): Result<Modify[], CommitError> {
  const { startTs, commitTs } = times;
  if (commitTs <= startTs) return err({ code: "commit-ts-too-small", key, ...times });
  const lock = reader.lock(key);
  if (lock === null || lock.startTs !== startTs) {
    const record = transactionRecord(reader, key, startTs);
    if (record.type === "committed") return ok([]);
    return err({ code: "lock-not-found", key, ...times });
  }
  const type = committedType(lock);
  if (type === null) return err({ code: "lock-type-mismatch", key, ...times });
  if (commitTs < lock.minCommitTs) {
    return err({ code: "commit-ts-expired", key, minCommitTs: lock.minCommitTs, ...times });
  }
  // The rollback of a transaction that started at our commit timestamp was left in the lock.
  const overlappedRollback = lock.rollbackTs.includes(commitTs);
  const write: Write = { ...newWrite(type, startTs, lock.shortValue), overlappedRollback };
  const { lastChange, source } = lock;
  return ok([putWrite(key, commitTs, { ...write, lastChange, source }), deleteLock(key)]);
}

function committedType(lock: Lock): WriteType | null {
  return lock.type === "pessimistic" || lock.type === "shared" ? null : lock.type;
}
