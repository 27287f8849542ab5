// The strict twin's snapshots and transactions: every read may meet a lock first, and what callers
// hand in or leave behind is looked at closely.

import { assert } from "@sampan/env";
import {
  type Entry,
  type Key,
  type Range,
  type ScanOptions,
  type Snapshot,
  StoreError,
  type Timestamp,
  type Transaction,
} from "./txn.ts";

/** Waits now and then, as a read does that meets another transaction's lock. */
export type MeetLock = () => Promise<void>;

export function strictSnapshot(
  inner: Snapshot,
  meetLock: MeetLock,
  onRelease: () => void,
): Snapshot {
  let isReleased = false;
  return {
    get startTs() {
      return inner.startTs;
    },
    get: async (key) => {
      await meetLock();
      return inner.get(key);
    },
    getMany: async (keys) => {
      await meetLock();
      return inner.getMany(keys);
    },
    scan: async (range, options) => {
      await meetLock();
      return inner.scan(range, options);
    },
    scanLatin1: async (range, options) => {
      await meetLock();
      return inner.scanLatin1(range, options);
    },
    scanJoined: async (range, options) => {
      await meetLock();
      return inner.scanJoined(range, options);
    },
    release: () => {
      if (isReleased) return;
      isReleased = true;
      inner.release();
      onRelease();
    },
  };
}

/** Bytes of the caller's, and what they were when they were handed in. */
interface HandedIn {
  readonly bytes: Uint8Array;
  readonly copy: Uint8Array;
}

/** The inner transaction gets copies: a late commit outlives the caller's right to its bytes. */
export class StrictTransaction implements Transaction {
  readonly #inner: Transaction;
  readonly #meetLock: MeetLock;
  readonly #handedIn: HandedIn[] = [];
  #readsUnderWay = 0;
  #hasWritten = false;
  #hasEnded = false;

  constructor(inner: Transaction, meetLock: MeetLock) {
    this.#inner = inner;
    this.#meetLock = meetLock;
  }

  get startTs(): Timestamp {
    return this.#inner.startTs;
  }

  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  get(key: Key): Promise<Uint8Array | null> {
    return this.#read(() => this.#inner.get(key));
  }

  getMany(keys: readonly Key[]): Promise<(Uint8Array | null)[]> {
    return this.#read(() => this.#inner.getMany(keys));
  }

  scan(range: Range, options: ScanOptions): Promise<Entry[]> {
    return this.#read(() => this.#inner.scan(range, options));
  }

  put(key: Key, value: Uint8Array): void {
    this.#checkUse();
    this.#inner.put(this.#keep(key), this.#keep(value));
    this.#hasWritten = true;
  }

  delete(key: Key): void {
    this.#checkUse();
    this.#inner.delete(this.#keep(key));
    this.#hasWritten = true;
  }

  async lock(keys: readonly Key[], options?: { readonly hot?: boolean }): Promise<void> {
    this.#checkUse();
    await this.#inner.lock(
      keys.map((key) => this.#keep(key)),
      options,
    );
    this.#hasWritten ||= keys.length > 0;
  }

  /** `fn` has returned or thrown. */
  end(): void {
    this.#hasEnded = true;
  }

  /** After an `fn` that returned: one that throws may leave reads behind, as Promise.all does. */
  checkEnd(): void {
    assert(this.#readsUnderWay === 0, `fn ended with ${this.#readsUnderWay} reads under way`);
    for (const { bytes, copy } of this.#handedIn) {
      assert(Buffer.compare(bytes, copy) === 0, "bytes changed after they were written or locked");
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#checkUse();
    this.#readsUnderWay += 1;
    try {
      await this.#meetLock();
      return await read();
    } finally {
      this.#readsUnderWay -= 1;
    }
  }

  #keep(bytes: Uint8Array): Uint8Array {
    const copy = Buffer.from(bytes);
    this.#handedIn.push({ bytes, copy });
    return copy;
  }

  /** The inner one is still open while a late commit waits. */
  #checkUse(): void {
    if (this.#hasEnded) throw new StoreError("closed", "the transaction has ended");
  }
}
