// The addon as it is called: native/*_calls.cc says what each call does. Nothing outside this
// package sees it.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type CreateError, RocksError } from "./error.ts";

export type DatabaseHandle = { readonly brand: "database" };
export type SnapshotHandle = { readonly brand: "snapshot" };
export type CursorHandle = { readonly brand: "cursor" };

export interface NativeOptions {
  readonly path: string;
  readonly families: readonly string[];
  readonly createIfMissing: 0 | 1;
  readonly blockCacheBytes: number;
  readonly blockBytes: number;
  readonly writeBufferBytes: number;
  readonly writeBuffersBytesMax: number;
  readonly fileBytes: number;
  readonly walBytesMax: number;
  readonly writeQueueBytesMax: number;
  readonly compression: number;
  readonly logLevel: number;
  readonly bloomBits: number;
  readonly openFilesMax: number;
  readonly backgroundJobs: number;
  readonly readThreads: number;
}

// The calls have more positional parameters than ours may: an object would be made for each.
export interface Native {
  open(options: NativeOptions, createError: CreateError): Promise<DatabaseHandle>;
  close(database: DatabaseHandle): Promise<void>;
  write(database: DatabaseHandle, batch: Uint8Array, sync: boolean): Promise<void>;
  kick(database: DatabaseHandle): void;
  flush(database: DatabaseHandle): Promise<void>;
  checkpoint(database: DatabaseHandle, directory: string): Promise<void>;
  property(database: DatabaseHandle, family: number, name: string): Promise<string | null>;
  familyIds(database: DatabaseHandle): number[];
  commits(database: DatabaseHandle): [number, number, number];
  version(): string;

  getCached(
    ...args: [...ReadPlace, scratch: Buffer, keyBytes: number]
  ): number | Buffer | null | undefined;
  get(...args: [...ReadPlace, key: Uint8Array]): Promise<Buffer | null>;
  getManyCached(
    ...args: [...ReadPlace, scratch: Buffer, packedBytes: number, count: number]
  ): number | Buffer | undefined;
  getMany(...args: [...ReadPlace, packedKeys: Buffer, count: number]): Promise<Buffer>;
  snapshot(database: DatabaseHandle): SnapshotHandle;
  releaseSnapshot(snapshot: SnapshotHandle): void;

  openCursor(
    ...args: [
      ...ReadPlace,
      lower: Uint8Array,
      upper: Uint8Array | null,
      reverse: boolean,
      keysOnly: boolean,
      readTs: Uint8Array | null,
    ]
  ): CursorHandle;
  aimCursor(
    ...args: [
      cursor: CursorHandle,
      lower: Uint8Array,
      upper: Uint8Array,
      keysOnly: boolean,
      readTs: Uint8Array,
      skip: number,
      drop: number,
      separator: string | null,
    ]
  ): void;
  seekCursor(cursor: CursorHandle, key: Uint8Array): void;
  fillCached(cursor: CursorHandle, page: Buffer, rowsMax: number): number | undefined;
  fill(cursor: CursorHandle, page: Buffer, rowsMax: number): Promise<number>;
  closeCursor(cursor: CursorHandle): void;
}

type ReadPlace = [database: DatabaseHandle, family: number, snapshot: SnapshotHandle | null];

/**
 * The compiled addon, loaded at the first call and no earlier, so that what only imports types or
 * errors works where nothing is compiled.
 */
export function loadNative(): Native {
  const path =
    process.env["SAMPAN_ROCKSDB_ADDON"] ??
    fileURLToPath(new URL("../build/sampan_rocksdb.node", import.meta.url));
  if (!existsSync(path)) {
    const build = fileURLToPath(new URL("../build.mjs", import.meta.url));
    throw new RocksError("invalid", `${path} is not built: run node ${build}`);
  }
  return createRequire(import.meta.url)(path) as Native;
}
