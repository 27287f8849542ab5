// The face of core: the records of the store as bytes, and what may be done to a key under MVCC.

export {
  appendTimestamp,
  type DataKeyError,
  type DataRange,
  dataKey,
  dataRange,
  decodeDataKey,
  decodeVersionKey,
  userKeyOf,
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
export {
  decodeBytes,
  encodeBytes,
  encodedBytes,
  encodedEnd,
  type MemcomparableError,
} from "./memcomparable.ts";
export {
  composeTimestamp,
  encodeInvertedTimestamp,
  encodeTimestamp,
  logicalCount,
  logicalOf,
  physicalMs,
  readInvertedTimestamp,
  readTimestamp,
  type Timestamp,
  timestampBytes,
  timestampMax,
  writeInvertedTimestamp,
  writeTimestamp,
} from "./timestamp.ts";
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
