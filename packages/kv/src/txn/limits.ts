// The bounds of the contract (txn.ts), checked the same way by every implementation, before
// anything is sent or read: what one of them refuses, all refuse.

import {
  type Key,
  keyBytesMax,
  type Range,
  readKeysMax,
  type ScanOptions,
  StoreError,
  scanLimitMax,
} from "./txn.ts";

export function checkKey(key: Key): void {
  if (key.length === 0) throw new StoreError("key-empty", "a key has at least one byte");
  if (key.length > keyBytesMax) throw keyTooLong(key.length);
}

export function checkReadKeys(keys: readonly Key[]): void {
  if (keys.length > readKeysMax) {
    throw new StoreError("limit", `${keys.length} keys in one read, ${readKeysMax} at most`);
  }
  for (const key of keys) checkKey(key);
}

/** A bound of a range may be one byte longer than a key: the least key behind the longest. */
export function checkScan(range: Range, options: ScanOptions): void {
  checkBound(range.start);
  if (range.end !== null) checkBound(range.end);
  const { limit } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > scanLimitMax) {
    throw new StoreError("limit", `a scan's limit is 1 to ${scanLimitMax}, not ${limit}`);
  }
}

function checkBound(bound: Key): void {
  if (bound.length > keyBytesMax + 1) throw keyTooLong(bound.length);
}

function keyTooLong(bytes: number): StoreError {
  return new StoreError("key-too-long", `a key of ${bytes} bytes, ${keyBytesMax} at most`);
}
