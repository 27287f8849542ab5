// What the write family says of one transaction on one key: the truth once its lock is gone.

import type { Key } from "./mutation.ts";
import type { MvccReader } from "./mvcc-reader.ts";
import { type Timestamp, timestampMax } from "./timestamp.ts";
import type { Write } from "./write-record.ts";

export type TransactionRecord =
  | { readonly type: "committed"; readonly commitTs: Timestamp; readonly write: Write }
  | { readonly type: "rolled-back" }
  | { readonly type: "none"; readonly overlapped: OverlappedWrite | null };

/** Another's commit at the very timestamp at which this transaction started. */
export interface OverlappedWrite {
  readonly write: Write;
  /** The next put or delete behind it in time, 0 for none: the fence of its rewriting. */
  readonly gcFence: Timestamp;
}

/** Looks at the key's records from the newest down to `startTs`: no commit of it can be older. */
export function transactionRecord(
  reader: MvccReader,
  key: Key,
  startTs: Timestamp,
): TransactionRecord {
  let gcFence: Timestamp = 0n;
  let from = timestampMax;
  for (;;) {
    const found = reader.seekWrite(key, from);
    if (found === null || found.commitTs < startTs) return { type: "none", overlapped: null };
    const { commitTs, write } = found;
    if (write.startTs === startTs) {
      return write.type === "rollback"
        ? { type: "rolled-back" }
        : { type: "committed", commitTs, write };
    }
    if (commitTs === startTs) {
      if (write.overlappedRollback) return { type: "rolled-back" };
      return { type: "none", overlapped: { write, gcFence } };
    }
    if (write.type === "put" || write.type === "delete") gcFence = commitTs;
    from = commitTs - 1n;
  }
}
