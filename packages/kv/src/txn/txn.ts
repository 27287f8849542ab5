// The contract of transactions: snapshot isolation over ordered keys. The embedded store, the
// cluster's client and the strict twin keep it; conformance.ts is what all of them must pass.

/** A point of the store's time: physical milliseconds << 18 | logical (TiKV's TSO). */
export type Timestamp = bigint;

export type Key = Uint8Array;

/** Bounds that every implementation enforces, so that what passes embedded passes on a cluster. */
export const transactionAgeMsMax = 10_000;
export const transactionKeysMax = 5_000;
export const transactionBytesMax = 4 * 1024 * 1024;
export const snapshotAgeMsMax = 10 * 60_000;
export const keyBytesMax = 4096;
export const scanLimitMax = 10_240;
/** Keys of one `getMany`. */
export const readKeysMax = 10_240;
export const attemptsMax = 8;

export interface Store {
  /**
   * Runs `fn` on a snapshot, then commits what it wrote, whole or not at all. On a conflict `fn` is
   * run again on a new snapshot (at most `attemptsMax` times): it must have no effect but its
   * writes. An exception of `fn` rolls back and goes to the caller, who sees nothing written. The
   * transaction ends with `fn`: what is asked of it later fails with `closed`.
   *
   * A broken bound throws a `StoreError`; a store that cannot be read, or refuses to write, throws
   * an `IoError`. In both cases nothing was or will be written.
   */
  transact<T>(fn: (transaction: Transaction) => Promise<T>): Promise<Outcome<T>>;

  /**
   * A view of the newest moment, or of `at` while its versions are still kept (`snapshot-too-old`
   * when they may be gone, `snapshot-too-new` when `at` is yet to come). Release it. Everything
   * committed before the call is in it.
   */
  snapshot(at?: Timestamp): Promise<Snapshot>;

  /**
   * Waits for the transactions under way, as long as one may live; what goes on beyond it commits
   * nothing. Later calls fail with `closed`. Twice is once.
   */
  close(): Promise<void>;
}

export type Outcome<T> =
  | {
      readonly type: "committed";
      readonly value: T;
      /** Null when nothing was written. */
      readonly commitTs: Timestamp | null;
    }
  /**
   * Others won `attemptsMax` times, or there is too much to do; nothing was written. Answer 503 or
   * try later.
   */
  | { readonly type: "contended" }
  /** Nobody knows whether it was committed. Read again before saying anything. */
  | { readonly type: "undetermined" };

/**
 * Keys and values are the caller's own bytes; a value may be empty, a key may not. What is handed
 * in must not change until the call, for a write until `transact`, has ended: nothing is copied.
 * What a transaction reads of its own writes are the bytes it put.
 */
export interface Reader {
  /**
   * The moment that is read: all that was committed at or before it. In a transaction no other has
   * the same, and asking for it counts as a read.
   */
  readonly startTs: Timestamp;
  get(key: Key): Promise<Uint8Array | null>;
  /** Answers in the order of `keys`, of which there are at most `readKeysMax`. */
  getMany(keys: readonly Key[]): Promise<(Uint8Array | null)[]>;
  /** The first `limit` entries of [start, end) in the scan's direction, own writes included. */
  scan(range: Range, options: ScanOptions): Promise<Entry[]>;
}

export interface Range {
  readonly start: Key;
  /** Null has no end. */
  readonly end: Key | null;
}

export interface ScanOptions {
  /** 1 to `scanLimitMax`. */
  readonly limit: number;
  /** From the end of the range to its start. */
  readonly reverse?: boolean;
  /** Values come empty. */
  readonly keysOnly?: boolean;
}

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Entries as text, one character a byte (latin1); an entry is at the same place in both. */
export interface Latin1Entries {
  readonly keys: readonly string[];
  readonly values: readonly string[];
}

export interface JoinOptions {
  /** 1 to `scanLimitMax`. */
  readonly limit: number;
  /** Bytes that each key is without, at its start. */
  readonly skip: number;
  /** And at its end. */
  readonly drop: number;
  /** Between two of them; ASCII. */
  readonly separator: string;
}

/** Keys as one text, one character a byte (latin1). */
export interface JoinedKeys {
  readonly text: string;
  /** Of keys, those of which nothing is left among them. */
  readonly count: number;
}

export interface Snapshot extends Reader {
  /**
   * As `scan`, for lists of thousands of short entries: with no object for each, it takes half the
   * time. An entry's text keeps a page of its neighbours in memory: copy what is kept.
   */
  scanLatin1(range: Range, options: Omit<ScanOptions, "reverse">): Promise<Latin1Entries>;
  /** The keys that `scan` gives, forwards, joined: for lists that go out as they are. */
  scanJoined(range: Range, options: JoinOptions): Promise<JoinedKeys>;
  release(): void;
}

export interface Transaction extends Reader {
  put(key: Key, value: Uint8Array): void;
  delete(key: Key): void;
  /**
   * These keys take part in the detection of conflicts as if they were written, their values stay.
   * Needed wherever an invariant hangs on what was only read (write skew). `hot`: wait in line for
   * them first; must come once, before the first read or write (else `order`), and what is read
   * then is newer than the wait.
   *
   * Who holds hot locks never loses to another on those keys. A transaction that writes or locks
   * one of them without having waited in line waits at its end until it is held no more; it may
   * lose at any time, and does at once when it holds hot locks of its own. A holder that outlives
   * its time makes way for the next.
   */
  lock(keys: readonly Key[], options?: { readonly hot?: boolean }): Promise<void>;
}

export type StoreErrorCode =
  /** More than `transactionKeysMax` keys or `transactionBytesMax` bytes written. */
  | "too-large"
  /**
   * The transaction outlived `transactionAgeMsMax`; its wait in a line of hot locks counts apart.
   */
  | "too-old"
  | "key-too-long"
  | "key-empty"
  /** A scan's limit, or the count of keys in a read, is out of its bounds. */
  | "limit"
  /** A hot lock came late. */
  | "order"
  /** The store, the snapshot or the transaction was closed, released or has ended. */
  | "closed"
  /** A snapshot's versions may be gone already. */
  | "snapshot-too-old"
  /** A snapshot of a moment that the store has not reached. */
  | "snapshot-too-new";

/**
 * A bound was broken, or the store is gone. Conflicts are never thrown to callers of `transact`.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
