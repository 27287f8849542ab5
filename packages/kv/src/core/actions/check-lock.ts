// Whether a lock stands in the way of a read.

import type { Lock } from "../lock-record.ts";
import type { Key } from "../mutation.ts";
import { type Timestamp, timestampMax } from "../timestamp.ts";

/**
 * A lock blocks when its transaction may still commit at or before `readTs`: then only the primary
 * knows what the reader should see (Percolator, section 2.2). A read of the newest moment passes
 * the primary of a transaction, which is not committed yet as seen from there; under async commit
 * it may be.
 */
export function blocksRead(lock: Lock, key: Key, readTs: Timestamp): boolean {
  if (lock.type !== "put" && lock.type !== "delete") return false;
  if (lock.startTs > readTs || lock.minCommitTs > readTs) return false;
  const isPrimary = Buffer.compare(lock.primary, key) === 0;
  return !(readTs === timestampMax && isPrimary && lock.secondaries === null);
}
