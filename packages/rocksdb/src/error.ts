// How a call fails.

export type RocksErrorCode =
  /** No space, or no quota, left. Later writes fail with it too, until the database is reopened. */
  | "disk-full"
  /** The disk or the system failed. After a write: as for `disk-full`. */
  | "io"
  /** What is on the disk is not what was written. */
  | "corrupt"
  /** The database, or the cursor, is closed. */
  | "closed"
  /** Another process, or this one, has the directory open. */
  | "locked"
  /** The call makes no sense: a malformed batch, an unknown family. Nothing was done. */
  | "invalid"
  /** More waits already than the bound allows. Nothing was done; try again later. */
  | "busy";

export class RocksError extends Error {
  override readonly name = "RocksError";
  readonly code: RocksErrorCode;

  constructor(code: RocksErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Makes what a failing call throws, or its promise is rejected with. */
export type CreateError = (code: RocksErrorCode, message: string) => Error;
