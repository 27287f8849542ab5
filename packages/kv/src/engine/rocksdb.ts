// The engine on a real disk: RocksDB, through the addon. The only file that knows of it.

import { AssertionError, type Env, errorCode, IoError } from "@sampan/env";
import { type Database, open, type RocksErrorCode, type Snapshot } from "@sampan/rocksdb";
import {
  type Engine,
  type EngineIterator,
  type EngineSnapshot,
  type Family,
  families,
  type IterateOptions,
  type VisibleIterator,
  type VisibleOptions,
  type WriteBatch,
} from "./engine.ts";
import { familyIds } from "./write-batch.ts";

export interface RocksEngineOptions {
  /** Created when missing. One process at a time has it open, and there one engine. */
  readonly directory: string;
  /** Memory for what is read, bytes; grows as it is used. */
  readonly cacheBytes?: number;
}

/**
 * Opens the engine, which replays what a crash has left in the log.
 *
 * Fails as the contract says, and with the `IoError` codes `locked` (the directory is open already)
 * and `invalid` (something else than this engine has made the database).
 */
export async function openRocksEngine(env: Env, options: RocksEngineOptions): Promise<Engine> {
  const { directory, cacheBytes } = options;
  const started = env.clock.monotonic();
  let isOpen = false;
  // Once it is open, a call that makes no sense is our own mistake and no failure of the world.
  const createError = (code: RocksErrorCode, message: string): Error =>
    isOpen && code === "invalid" ? new AssertionError(message) : new IoError(code, message);
  const database = await open({
    path: directory,
    families,
    createIfMissing: true,
    createError,
    ...(cacheBytes === undefined ? {} : { blockCacheBytes: cacheBytes }),
  });
  await checkFamilyIds(database, directory);
  isOpen = true;
  env.log.debug("engine opened", { directory, ms: env.clock.monotonic() - started });
  return new RocksEngine(env, database);
}

async function checkFamilyIds(database: Database, directory: string): Promise<void> {
  for (const family of families) {
    const id = database.families.find(({ name }) => name === family)?.id;
    if (id === familyIds[family]) continue;
    await database.close();
    const found = `the family ${family} has the number ${id}, and not ${familyIds[family]}`;
    throw new IoError("invalid", `${directory}: ${found}: another program made this database`);
  }
}

// hot path
class RocksEngine implements Engine {
  readonly #env: Env;
  readonly #database: Database;
  #refusesWrites = false;

  constructor(env: Env, database: Database) {
    this.#env = env;
    this.#database = database;
  }

  get(family: Family, key: Uint8Array, snapshot: EngineSnapshot | null) {
    return this.#database.get(family, key, snapshot as Snapshot | null);
  }

  getMany(family: Family, keys: readonly Uint8Array[], snapshot: EngineSnapshot | null) {
    return this.#database.getMany(family, keys, snapshot as Snapshot | null);
  }

  snapshot(): EngineSnapshot {
    return this.#database.snapshot();
  }

  iterate(family: Family, options: IterateOptions): EngineIterator {
    const snapshot = options.snapshot as Snapshot | null;
    return this.#database.iterate(family, { ...options, snapshot });
  }

  iterateVisible(options: VisibleOptions): VisibleIterator {
    const cursor = this.#database.iterate("write", { ...options, reverse: false, snapshot: null });
    if (options.joining !== undefined) cursor.aim(options);
    return cursor;
  }

  write(batch: WriteBatch, options: { readonly sync: boolean }): Promise<void> {
    return this.#database.write(batch.encoded(), options).catch((error) => this.#onRefused(error));
  }

  checkpoint(directory: string): Promise<void> {
    return this.#database.checkpoint(directory);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #onRefused(error: unknown): never {
    const code = errorCode(error);
    if (!this.#refusesWrites && (code === "disk-full" || code === "io")) {
      this.#refusesWrites = true;
      this.#env.log.error("engine refuses writes until it is opened again", { error });
    }
    throw error;
  }
}
