// An open database. Reads answer at once when the bytes are in memory; everything that waits for
// the disk waits on the addon's threads.

import { Cursor, type CursorDependencies } from "./cursor.ts";
import type { CreateError } from "./error.ts";
import { type DatabaseHandle, loadNative, type Native, type SnapshotHandle } from "./native.ts";
import { createRocksError, nativeOptions, type OpenOptions } from "./options.ts";
import { packedBytes, packInto, unpack } from "./packed.ts";
import { PagePool } from "./pages.ts";
import { Snapshot } from "./snapshot.ts";

/** Room for the keys of a cached read, and for its values when they are not larger. */
const scratchBytes = 64 * 1024;
/** A read of more keys goes to a thread in any case: even in memory it takes its time. */
const keysCachedMax = 512;

export interface Family {
  readonly name: string;
  /** The number that stands for it in a batch. */
  readonly id: number;
}

export interface IterateOptions {
  /** First key that belongs to it. */
  readonly lower: Uint8Array;
  /** First key that no longer does; null has no end. */
  readonly upper: Uint8Array | null;
  /** From the last key to the first. */
  readonly reverse: boolean;
  /** Null sees the moment of the call. */
  readonly snapshot: Snapshot | null;
  /** Values are left out (empty). */
  readonly keysOnly?: boolean;
  /**
   * A timestamp as eight bytes, most significant first: of a family that holds TiKV's write records
   * only what a reader at that time sees, user keys with their values. Forwards alone.
   */
  readonly readTs?: Uint8Array | null;
  /** So many rows are wanted: no more are read ahead. Without it a cursor begins with few. */
  readonly rowsWanted?: number;
}

/** Since the database was opened: `batches` were joined into `groups`, `syncs` of them synced. */
export interface CommitCounts {
  readonly batches: number;
  readonly groups: number;
  readonly syncs: number;
}

interface DatabaseParts {
  readonly native: Native;
  readonly handle: DatabaseHandle;
  readonly families: readonly Family[];
  readonly createError: CreateError;
}

/**
 * Opens a database, which may replay its log. A directory is open once: in one process at a time,
 * and there once.
 *
 * @throws `locked`; `corrupt`; `io` and `disk-full`; `invalid`: an option is out of its bounds, the
 *   database is missing and not to be created, or has families that are not named.
 */
export async function open(options: OpenOptions): Promise<Database> {
  const checked = nativeOptions(options);
  const createError = options.createError ?? createRocksError;
  const native = loadNative();
  const handle = await native.open(checked, createError);
  const ids = native.familyIds(handle);
  const families = checked.families.map((name, index) => ({ name, id: ids[index] ?? 0 }));
  return new Database({ native, handle, families, createError });
}

// hot path
export class Database {
  readonly families: readonly Family[];
  readonly #native: Native;
  readonly #handle: DatabaseHandle;
  readonly #createError: CreateError;
  readonly #familyIndexes: ReadonlyMap<string, number>;
  readonly #cursorDependencies: CursorDependencies;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  #kickScheduled = false;
  #closed: Promise<void> | null = null;

  /** @internal `open` makes them. */
  constructor({ native, handle, families, createError }: DatabaseParts) {
    this.families = families;
    this.#native = native;
    this.#handle = handle;
    this.#createError = createError;
    this.#familyIndexes = new Map(families.map(({ name }, index) => [name, index]));
    this.#cursorDependencies = { native, pages: new PagePool(), createError, database: this };
  }

  /** The value, or null. `snapshot` null reads the newest. The bytes are the caller's. */
  get(
    family: string,
    key: Uint8Array,
    snapshot: Snapshot | null,
  ): Buffer | null | Promise<Buffer | null> {
    const index = this.#familyIndex(family);
    const snapshotHandle = this.#snapshotHandle(snapshot);
    this.#checkBytes(key);
    if (key.length > scratchBytes) {
      return this.#native.get(this.#handle, index, snapshotHandle, key);
    }
    const scratch = this.#scratch;
    scratch.set(key);
    const got = this.#native.getCached(this.#handle, index, snapshotHandle, scratch, key.length);
    if (got === undefined) return this.#native.get(this.#handle, index, snapshotHandle, key);
    if (typeof got !== "number") return got;
    return Buffer.from(scratch.subarray(0, got));
  }

  /**
   * As `get`, answers in the order of `keys`, all read at one moment. The values may share memory:
   * copy one that is kept for long.
   */
  getMany(
    family: string,
    keys: readonly Uint8Array[],
    snapshot: Snapshot | null,
  ): (Buffer | null)[] | Promise<(Buffer | null)[]> {
    const index = this.#familyIndex(family);
    const snapshotHandle = this.#snapshotHandle(snapshot);
    for (const key of keys) this.#checkBytes(key);
    if (keys.length === 0) return [];
    const bytes = packedBytes(keys);
    if (keys.length > keysCachedMax || bytes > scratchBytes) {
      return this.#getManyFromDisk(index, keys, snapshotHandle);
    }
    const scratch = this.#scratch;
    packInto(scratch, keys);
    const got = this.#native.getManyCached(
      this.#handle,
      index,
      snapshotHandle,
      scratch,
      bytes,
      keys.length,
    );
    if (got === undefined) return this.#getManyFromDisk(index, keys, snapshotHandle);
    const packed = typeof got === "number" ? Buffer.from(scratch.subarray(0, got)) : got;
    return unpack(packed, keys.length);
  }

  /** A view of this moment, without waiting. Release it. */
  snapshot(): Snapshot {
    return new Snapshot(this, this.#native, this.#native.snapshot(this.#handle));
  }

  /** A cursor over [lower, upper) in the bytes' order. Close it. */
  iterate(family: string, options: IterateOptions): Cursor {
    const { lower, upper, reverse, snapshot, keysOnly = false, readTs = null } = options;
    const { rowsWanted = null } = options;
    if (readTs !== null && (readTs.length !== 8 || reverse)) {
      throw this.#createError("invalid", "what is visible is read forwards, at eight bytes");
    }
    this.#checkBytes(lower);
    if (upper !== null) this.#checkBytes(upper);
    const handle = this.#native.openCursor(
      this.#handle,
      this.#familyIndex(family),
      this.#snapshotHandle(snapshot),
      lower,
      upper,
      reverse,
      keysOnly,
      readTs,
    );
    return new Cursor(this.#cursorDependencies, handle, rowsWanted);
  }

  /**
   * Writes a batch, in RocksDB's format, whole. Batches are applied, and answered, in the order of
   * the calls; those that wait are written together. With `sync` the answer comes after the bytes,
   * and all before them, are on the disk. The batch is copied before this returns.
   *
   * Rejected with `invalid` when the batch is malformed or names a family that is not open; `busy`;
   * `closed`; `disk-full` and `io`: it may or may not be there when the database is opened again,
   * until when all writes are refused.
   */
  write(batch: Uint8Array, options: { readonly sync: boolean }): Promise<void> {
    this.#checkBytes(batch);
    const written = this.#native.write(this.#handle, batch, options.sync);
    if (!this.#kickScheduled) {
      this.#kickScheduled = true;
      // Writers that were answered together are heard together, before the group goes.
      process.nextTick(this.#kick);
    }
    return written;
  }

  /** Writes what is in memory to files. Not needed for durability: the log has it. */
  flush(): Promise<void> {
    return this.#native.flush(this.#handle);
  }

  /**
   * A copy of this moment that can be opened by itself. Rejected with `io` when `directory` exists,
   * or what is above it does not.
   */
  checkpoint(directory: string): Promise<void> {
    return this.#native.checkpoint(this.#handle, directory);
  }

  /**
   * What RocksDB says of itself, such as `rocksdb.stats` or `rocksdb.estimate-num-keys` (the names
   * are in its include/rocksdb/db.h); null for a name that it does not know.
   */
  property(name: string, family = "default"): Promise<string | null> {
    return this.#native.property(this.#handle, this.#familyIndex(family), name);
  }

  commits(): CommitCounts {
    const [batches, groups, syncs] = this.#native.commits(this.#handle);
    return { batches, groups, syncs };
  }

  /**
   * Refuses new work, finishes what was accepted, lets go of snapshots and cursors, closes. Twice
   * is once. What was written unsynced is on the disk afterwards.
   */
  close(): Promise<void> {
    this.#closed ??= this.#native.close(this.#handle);
    return this.#closed;
  }

  /** True once `close` was called. */
  get isClosed(): boolean {
    return this.#closed !== null;
  }

  #getManyFromDisk(
    family: number,
    keys: readonly Uint8Array[],
    snapshot: SnapshotHandle | null,
  ): Promise<(Buffer | null)[]> {
    const packed = Buffer.allocUnsafe(packedBytes(keys));
    packInto(packed, keys);
    return this.#native
      .getMany(this.#handle, family, snapshot, packed, keys.length)
      .then((values) => unpack(values, keys.length));
  }

  readonly #kick = () => {
    this.#kickScheduled = false;
    this.#native.kick(this.#handle);
  };

  #familyIndex(family: string): number {
    const index = this.#familyIndexes.get(family);
    if (index === undefined) throw this.#createError("invalid", `no open family is ${family}`);
    return index;
  }

  #snapshotHandle(snapshot: Snapshot | null): SnapshotHandle | null {
    if (snapshot === null) return null;
    const handle = snapshot.handle;
    if (handle === null) throw this.#createError("invalid", "the snapshot is released");
    if (snapshot.database !== this) {
      throw this.#createError("invalid", "the snapshot is another database's");
    }
    return handle;
  }

  #checkBytes(bytes: Uint8Array): void {
    if (bytes instanceof Uint8Array) return;
    throw this.#createError("invalid", `keys and batches are bytes, not ${typeof bytes}`);
  }
}
