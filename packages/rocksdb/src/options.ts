// How a database is opened: the options, their defaults, and what is refused.

import { type CreateError, RocksError } from "./error.ts";
import type { NativeOptions } from "./native.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** RocksDB's numbers (include/rocksdb/compression_type.h). */
const compressions = { none: 0, snappy: 1, zlib: 2, lz4: 4, zstd: 7 } as const;
/** RocksDB's numbers (InfoLogLevel in include/rocksdb/env.h). */
const logLevels = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 } as const;

export type Compression = keyof typeof compressions;
export type LogLevel = keyof typeof logLevels;

export interface OpenOptions {
  /** The directory. Missing ones above it are created too, with `createIfMissing`. */
  readonly path: string;
  /**
   * All column families of the database, `default` among them. Missing ones are created in this
   * order, with `createIfMissing`, and numbered as they are created; `default` is 0.
   */
  readonly families: readonly string[];
  readonly createIfMissing: boolean;
  /** Memory for blocks, indexes and filters of all families. It grows as it is used. */
  readonly blockCacheBytes?: number;
  /** Uncompressed bytes of a block of a file. */
  readonly blockBytes?: number;
  /** A family's writes are kept in memory up to here, then flushed to a file. */
  readonly writeBufferBytes?: number;
  /** The same for all families together. */
  readonly writeBuffersBytesMax?: number;
  /** A file of data is closed, and the next one begun, here. */
  readonly fileBytes?: number;
  /** Write-ahead logs above this are shortened by flushing what they still hold. */
  readonly walBytesMax?: number;
  /** Batches that wait to be written. At the bound a write fails as `busy`. */
  readonly writeQueueBytesMax?: number;
  /** Refused as `invalid` when this librocksdb was built without it. */
  readonly compression?: Compression;
  /** Bits per key of the bloom filters; 0 has none. */
  readonly bloomBits?: number;
  /** Files of data that are kept open. */
  readonly openFilesMax?: number;
  /** Flushes and compactions at one time. */
  readonly backgroundJobs?: number;
  /** Threads that wait for the disk. Each starts when there is work for it. */
  readonly readThreads?: number;
  /** What RocksDB writes into its own `LOG` file. */
  readonly logLevel?: LogLevel;
  /** Makes the errors; `RocksError` when not given. */
  readonly createError?: CreateError;
}

/** Small, for a process that does other things too: an idle database takes a few MiB. */
const defaults = {
  blockCacheBytes: 32 * MiB,
  blockBytes: 16 * KiB,
  writeBufferBytes: 16 * MiB,
  writeBuffersBytesMax: 48 * MiB,
  fileBytes: 64 * MiB,
  walBytesMax: 64 * MiB,
  writeQueueBytesMax: 256 * MiB,
  compression: "lz4",
  bloomBits: 10,
  openFilesMax: 512,
  backgroundJobs: 2,
  readThreads: 4,
  logLevel: "warn",
} as const;

/** The least and the most that a figure may be. */
const limits = {
  blockCacheBytes: [64 * KiB, 2 ** 40],
  blockBytes: [KiB, 16 * MiB],
  writeBufferBytes: [64 * KiB, 4096 * MiB],
  writeBuffersBytesMax: [64 * KiB, 2 ** 40],
  fileBytes: [64 * KiB, 4096 * MiB],
  walBytesMax: [64 * KiB, 2 ** 40],
  writeQueueBytesMax: [64 * KiB, 2 ** 32],
  bloomBits: [0, 30],
  openFilesMax: [16, 1_000_000],
  backgroundJobs: [1, 64],
  readThreads: [1, 64],
} as const;

/** @throws what `createError` makes, with code `invalid`, naming the option. */
export function nativeOptions(options: OpenOptions): NativeOptions {
  const refuse = (why: string) => {
    throw (options.createError ?? createRocksError)("invalid", why);
  };
  const { path, families, createIfMissing, createError: _, ...given } = options;
  if (path === "" || path.includes("\0")) refuse("path: empty, or with a zero byte");
  if (!families.includes("default")) refuse("families: `default` is missing");
  if (new Set(families).size < families.length) refuse("families: a name comes twice");
  const chosen = { ...defaults, ...given };
  for (const [name, [least, most]] of Object.entries(limits)) {
    const value = chosen[name as keyof typeof limits];
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    refuse(`${name}: ${value} is not a whole number from ${least} to ${most}`);
  }
  if (!Object.hasOwn(compressions, chosen.compression)) {
    refuse(`compression: ${chosen.compression} is none of ${Object.keys(compressions)}`);
  }
  if (!Object.hasOwn(logLevels, chosen.logLevel)) {
    refuse(`logLevel: ${chosen.logLevel} is none of ${Object.keys(logLevels)}`);
  }
  return {
    ...chosen,
    path,
    families,
    createIfMissing: createIfMissing ? 1 : 0,
    compression: compressions[chosen.compression],
    logLevel: logLevels[chosen.logLevel],
  };
}

export function createRocksError(...[code, message]: Parameters<CreateError>): Error {
  return new RocksError(code, message);
}
