// The contract of the place where blob bytes lie: a filesystem (filesystem.ts), S3 (s3/), and the
// twin in memory (memory.ts). conformance.ts is what all of them must pass.
//
// A location is chosen when an upload starts and is never used again. Publication is the record in
// the store that names a location, not a rename. Bytes are durable before a record names them;
// bytes that no record names are swept (upload records name theirs).

export type BlobLocation = string & { readonly brand: "BlobLocation" };

export const deletedTogetherMax = 128;

/**
 * Failures are `IoError`: `disk-full`, `not-found`, `io`, and `unavailable` where the same request
 * may succeed a moment later.
 */
export interface BlobStore {
  /** A new, empty upload at a location never used before. Creates the file, does not sync it. */
  create(): Promise<BlobUpload>;
  /**
   * Opens an upload to append behind what is stored, after a pause or a restart; null: none there.
   * What was committed can be opened and committed again; it need not take more (`closed`).
   */
  open(location: BlobLocation): Promise<BlobUpload | null>;
  /** Size in bytes of what is stored, or null. */
  stat(location: BlobLocation): Promise<BlobStat | null>;
  /**
   * A description of the bytes [start, end) for the edge to move; does not check that they exist.
   * To read an upload ends it where parts cannot be read: it takes no more then, but a commit.
   */
  body(location: BlobLocation, range: { readonly start: number; readonly end: number }): BlobBody;
  /** Idempotent: deleting what is not there is no error. */
  delete(location: BlobLocation): Promise<void>;
  /**
   * As `delete`, of up to `deletedTogetherMax`: all are tried, but for what follows an `unavailable`,
   * then the first failure is thrown.
   */
  deleteAll(locations: readonly BlobLocation[]): Promise<void>;
  /**
   * Up to `limit` locations behind `after` in rising order; for the sweep and for `store check`.
   */
  list(after: BlobLocation | null, limit: number): Promise<BlobLocation[]>;
}

export interface BlobStat {
  readonly bytes: number;
  /** Wall clock of the last append, milliseconds since the epoch. */
  readonly modifiedMs: number;
}

/**
 * One writer at a time. Bytes appended but not committed may be lost in a power failure, in the
 * middle too: whoever goes on with an upload after one hashes what is stored. After a failure of
 * `append`, `commit` or `close` nobody knows what is on the disk (a failed write-back is told once):
 * the location is good for `delete` only.
 */
export interface BlobUpload {
  readonly location: BlobLocation;
  /** What `append` has answered so far, with what was stored before `open`. */
  readonly bytes: number;
  /** Stores the chunk behind the rest; the buffer belongs to the caller again when it resolves. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * Everything appended, and the name itself, outlives a power failure once this resolves. Closes.
   */
  commit(): Promise<void>;
  /**
   * Lets go of the file and keeps the bytes; `open` goes on from there. Twice is once. Fails when a
   * write that was already answered turns out to have failed.
   */
  close(): Promise<void>;
}

export type BlobBody =
  | { readonly type: "file"; readonly path: string; readonly start: number; readonly end: number }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | {
      readonly type: "stream";
      readonly open: () => Promise<AsyncIterable<Uint8Array>>;
      readonly bytes: number;
      /** Where a client that follows redirects can fetch the whole blob itself, for a while. */
      readonly signedUrl?: () => Promise<string>;
    };
