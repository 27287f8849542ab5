// The face of core: the records of the store as bytes, and what may be done to a key under MVCC.

export { checkConflict, type Locked, type WriteConflict } from "./actions/check-conflict.ts";
export { blocksRead } from "./actions/check-lock.ts";
export { type CommitError, type CommitTimes, commit } from "./actions/commit.ts";
export { GcScan, type GcStep } from "./actions/gc.ts";
export { type GetStep, PointGet } from "./actions/get.ts";
export { type OnePhaseError, onePhaseCommit, onePhaseModifies } from "./actions/one-phase.ts";
export { type PrewriteError, type PrewriteOptions, prewrite } from "./actions/prewrite.ts";
export { type RollbackError, type RollbackOptions, rollback } from "./actions/rollback.ts";
export type { ScanStep } from "./actions/scan.ts";
export { BackwardScan } from "./actions/scan-backward.ts";
export { ForwardScan } from "./actions/scan-forward.ts";
export {
  type DataKeyError,
  type DataRange,
  dataKey,
  dataRange,
  decodeDataKey,
  decodeVersionKey,
  type Version,
  versionKey,
  versionRange,
} from "./data-key.ts";
export { type LastChange, lastChangeUnknown } from "./last-change.ts";
export {
  decodeLock,
  encodeLock,
  isPessimistic,
  type Lock,
  type LockRecordError,
  type LockType,
  newLock,
} from "./lock-record.ts";
export type { Modify, MvccFamily } from "./modify.ts";
export type { Key, Mutation } from "./mutation.ts";
export type { CommittedWrite, MvccReader } from "./mvcc-reader.ts";
export {
  composeTimestamp,
  encodeTimestamp,
  logicalCount,
  logicalOf,
  physicalMs,
  readTimestamp,
  type Timestamp,
  timestampBytes,
  timestampMax,
} from "./timestamp.ts";
export type { ReadOptions, VisibleRow } from "./visible-row.ts";
export {
  decodeWrite,
  encodeWrite,
  isProtectedRollback,
  newRollback,
  newWrite,
  shortValueBytesMax,
  type Write,
  type WriteRecordError,
  type WriteType,
} from "./write-record.ts";
