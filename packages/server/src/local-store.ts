// The store of this machine: data directory → RocksDB → embedded store. Whoever needs it opens all
// three here, and closes them here in the opposite order.

import { type Env, err, errorCode, errorMessage, ok, type Result } from "@sampan/env";
import { type EmbeddedStore, openEmbeddedStore } from "@sampan/kv/embedded";
import { openRocksEngine } from "@sampan/kv/engine/rocksdb";
import { Closers } from "./closers.ts";
import {
  type DataDirectory,
  type DataDirectoryOptions,
  openDataDirectory,
} from "./data-directory/data-directory.ts";

export interface LocalStore {
  readonly directory: DataDirectory;
  readonly store: EmbeddedStore;
  /** Waits for transactions under way, then lets the next process in. Twice is once. */
  close(): Promise<void>;
}

export interface LocalStoreOptions {
  readonly data: DataDirectoryOptions;
  /** Memory for RocksDB's blocks, bytes. */
  readonly cacheBytes: number;
}

/** The error is one line for the operator. */
export async function openLocalStore(
  env: Env,
  options: LocalStoreOptions,
): Promise<Result<LocalStore, string>> {
  const closers = new Closers(env.log);
  const directory = await openDataDirectory(env.log, options.data);
  if (!directory.ok) return directory;
  closers.add("data directory", () => directory.value.release());
  try {
    const { kv } = directory.value;
    const engine = await openRocksEngine(env, { directory: kv, cacheBytes: options.cacheBytes });
    closers.add("engine", () => engine.close());
    const store = await openEmbeddedStore(env, { engine }, {});
    closers.add("store", () => store.close());
    return ok({ directory: directory.value, store, close: () => closers.close() });
  } catch (error) {
    await closers.close();
    return err(explain(directory.value, error));
  }
}

function explain({ path, kv }: DataDirectory, error: unknown): string {
  const said = errorMessage(error);
  switch (errorCode(error)) {
    case "locked":
      return `${path} is in use by a process not seen from here (another container?); stop it`;
    case "disk-full":
      return `${kv} lies on a full disk; free some space, then start again`;
    case "corrupt":
      return `the store in ${kv} is damaged (${said}); restore the data directory from a backup`;
    case "format-newer":
      return `the store in ${kv} was written by a newer sampan (${said}); start that version`;
    default:
      return `the store in ${kv} cannot be opened: ${said}`;
  }
}
