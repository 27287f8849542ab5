// The rule of snapshot isolation: the first committer wins. Prewrite and one-phase commit ask it.

import type { Lock } from "../lock-record.ts";
import type { Key } from "../mutation.ts";
import type { CommittedWrite } from "../mvcc-reader.ts";
import type { Timestamp } from "../timestamp.ts";

export interface WriteConflict {
  readonly code: "write-conflict";
  /** `optimistic`: someone else committed after our start. `self-rolled-back`: we were given up. */
  readonly reason: "optimistic" | "self-rolled-back";
  readonly key: Key;
  readonly startTs: Timestamp;
  readonly conflictStartTs: Timestamp;
  readonly conflictCommitTs: Timestamp;
}

export interface Locked {
  readonly code: "locked";
  readonly key: Key;
  readonly lock: Lock;
}

/**
 * Null when a transaction of `startTs` may write the key whose newest record is given. Records of
 * all types count: a lock's, so that `lock` conflicts with writes, and a newer rollback's, because
 * it may have taken the place of ours.
 */
export function checkConflict(
  newest: CommittedWrite | null,
  key: Key,
  startTs: Timestamp,
): WriteConflict | null {
  if (newest === null || newest.commitTs < startTs) return null;
  const { commitTs, write } = newest;
  const conflict = {
    code: "write-conflict",
    key,
    startTs,
    conflictStartTs: write.startTs,
    conflictCommitTs: commitTs,
  } as const;
  const isRollback = write.type === "rollback" || write.overlappedRollback;
  if (commitTs > startTs) return { ...conflict, reason: "optimistic" };
  return isRollback ? { ...conflict, reason: "self-rolled-back" } : null;
}
