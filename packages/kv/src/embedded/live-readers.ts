// The transactions and snapshots that are open, so that what they may still read is not collected,
// and what they may still conflict with is not forgotten. One that outlived its time counts no
// longer: its reads and its commit fail by the same clock.

import type { Timestamp } from "../core/index.ts";

export interface LiveReader {
  readonly startTs: Timestamp;
  /** Moment of the monotonic clock. */
  readonly expiresMs: number;
}

export class LiveReaders {
  /** In the order of their start. */
  readonly #transactions = new Set<LiveReader>();
  readonly #snapshots = new Set<LiveReader>();

  get transactions(): number {
    return this.#transactions.size;
  }

  get snapshots(): number {
    return this.#snapshots.size;
  }

  /** With a start newer than that of every one before. */
  addTransaction(reader: LiveReader): void {
    this.#transactions.add(reader);
  }

  removeTransaction(reader: LiveReader): void {
    this.#transactions.delete(reader);
  }

  addSnapshot(reader: LiveReader): void {
    this.#snapshots.add(reader);
  }

  removeSnapshot(reader: LiveReader): void {
    this.#snapshots.delete(reader);
  }

  /** Null when none is open. */
  oldestTransactionTs(nowMs: number): Timestamp | null {
    for (const reader of this.#transactions) {
      if (reader.expiresMs >= nowMs) return reader.startTs;
      this.#transactions.delete(reader);
    }
    return null;
  }

  /** Of transactions and snapshots. */
  oldestTs(nowMs: number): Timestamp | null {
    let oldest = this.oldestTransactionTs(nowMs);
    for (const reader of this.#snapshots) {
      if (reader.expiresMs < nowMs) this.#snapshots.delete(reader);
      else if (oldest === null || reader.startTs < oldest) oldest = reader.startTs;
    }
    return oldest;
  }
}
