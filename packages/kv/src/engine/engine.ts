// The contract of an ordered key-value engine on one disk: RocksDB (rocksdb.ts), and its twin in
// memory (memory.ts) whose crashes are stated below. conformance.ts is what both must pass.

export type Family = "default" | "lock" | "write" | "raft";
export const families = ["default", "lock", "write", "raft"] as const satisfies readonly Family[];

/** Reads answer at once when the bytes are in memory, else with a promise: never a blocked thread. */
export type Maybe<T> = T | Promise<T>;

/**
 * What a crash leaves: a prefix of the order in which batches were written, the same for all
 * families, never shorter than up to the last batch whose synced write was answered. A batch is
 * there whole or not at all.
 *
 * Every failure is an `IoError`: `disk-full` and `io` (nothing of the batch was acknowledged; the
 * engine refuses later writes until it is opened again), `corrupt`, `closed`, and `busy` (more writes
 * wait than the engine holds: nothing happened, try again).
 */
export interface Engine {
  /** The value, or null. `snapshot` null reads the newest. The bytes are the caller's. */
  get(family: Family, key: Uint8Array, snapshot: EngineSnapshot | null): Maybe<Buffer | null>;

  /** As `get`, answers in the order of `keys`. */
  getMany(
    family: Family,
    keys: readonly Uint8Array[],
    snapshot: EngineSnapshot | null,
  ): Maybe<(Buffer | null)[]>;

  /** A view of this moment. Taken without waiting; holds old versions until released. */
  snapshot(): EngineSnapshot;

  /** A cursor over [lower, upper) in the bytes' order. Close it. */
  iterate(family: Family, options: IterateOptions): EngineIterator;

  /**
   * The rows of the write family that a reader at a timestamp sees, in rising order; only of engines
   * that find them faster than core's scans over `iterate`, with the same answer.
   */
  iterateVisible?(options: VisibleOptions): VisibleIterator;

  /**
   * Applies the batch whole. Batches are applied, and answered, in the order of the calls.
   * With `sync` the answer comes after the bytes are on the disk; waiting writers share one fsync.
   */
  write(batch: WriteBatch, options: { readonly sync: boolean }): Promise<void>;

  /** A copy of this moment that can be opened by itself; `directory` must not exist yet. */
  checkpoint(directory: string): Promise<void>;

  /** Refuses new work, waits for the work under way, lets go of everything. Twice is once. */
  close(): Promise<void>;
}

export interface EngineSnapshot {
  release(): void;
}

export interface IterateOptions {
  /** First key that belongs to it. */
  readonly lower: Uint8Array;
  /** First key that no longer does; null has no end. */
  readonly upper: Uint8Array | null;
  readonly reverse: boolean;
  readonly snapshot: EngineSnapshot | null;
  /** Values are left out (empty). */
  readonly keysOnly?: boolean;
}

export interface VisibleOptions {
  /** Bounds [lower, upper) of data keys, as core's `dataRange` gives them. */
  readonly lower: Uint8Array;
  readonly upper: Uint8Array;
  /** A timestamp, as eight bytes, most significant first. */
  readonly readTs: Uint8Array;
  readonly keysOnly: boolean;
  /** No more rows are read ahead. */
  readonly rowsWanted: number;
  /** Rows are taken by `nextJoined` alone; without it by all the other ways. */
  readonly joining?: Joining;
}

/** How keys become one text: `separator`, which is ASCII, is between two of them. */
export interface Joining {
  /** Bytes that each is without, at its start. */
  readonly skip: number;
  /** And at its end. */
  readonly drop: number;
  readonly separator: string;
}

/** Keys as one text, one character a byte, and how many. */
export interface JoinedKeys {
  text: string;
  count: number;
}

/** As `EngineIterator`, of user keys. */
export interface VisibleIterator {
  next(): Maybe<boolean>;
  /** The user key; the bytes are the caller's. */
  copyKey(): Buffer;
  /** The value; of a long one the end of its key in the default family, behind the data key. */
  copyValue(): Buffer;
  readonly isLong: boolean;
  /** Steps over all the rows at hand, at least one, and appends them; false at the end. */
  nextLatin1(rows: Latin1Rows): Maybe<boolean>;
  /** As `nextLatin1`, of the keys alone, behind those that `joined` has already. */
  nextJoined(joined: JoinedKeys): Maybe<boolean>;
  /**
   * As another iterator, which sees what this one has seen from its start: costs far less than to
   * open one. Not while a promise is open.
   */
  aim(options: VisibleOptions): void;
  close(): void;
}

/** Rows as text, one character a byte; a row is at the same place in all three. */
export interface Latin1Rows {
  readonly keys: string[];
  readonly values: string[];
  /** Whether the value is that of a `VisibleIterator` whose `isLong`. */
  readonly longs: boolean[];
}

/**
 * Stands before its first entry until the first `next`. `key` and `value` are views into a buffer
 * that the following `next`, `seek` or `close` overwrites: copy what is kept.
 */
export interface EngineIterator {
  /** Steps to the next entry in its direction; false at the end. Rows come in pages underneath. */
  next(): Maybe<boolean>;
  /** Jumps so that `next` gives the first entry at or beyond `key` in its direction. */
  seek(key: Uint8Array): void;
  readonly key: Buffer;
  readonly value: Buffer;
  close(): void;
}

/** Changes of one atomic write, in order: `createWriteBatch()` of write-batch.ts, for every engine. */
export interface WriteBatch {
  put(family: Family, key: Uint8Array, value: Uint8Array): void;
  delete(family: Family, key: Uint8Array): void;
  /** Deletes [from, to); nothing when `from` is not below `to`. */
  deleteRange(family: Family, from: Uint8Array, to: Uint8Array): void;
  /** Empties it for another use; as any change, allowed once `write` was called with it. */
  clear(): void;
  readonly count: number;
  readonly bytes: number;
  /** The batch in RocksDB's format. A view that the next change overwrites. */
  encoded(): Buffer;
}
