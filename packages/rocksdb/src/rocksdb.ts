// The face of the package: RocksDB for Node.

export { type Change, encodeBatch } from "./batch.ts";
export type { Cursor } from "./cursor.ts";
export {
  type CommitCounts,
  type Database,
  type Family,
  type IterateOptions,
  open,
} from "./database.ts";
export { type CreateError, RocksError, type RocksErrorCode } from "./error.ts";
export type { Compression, LogLevel, OpenOptions } from "./options.ts";
export type { Snapshot } from "./snapshot.ts";
