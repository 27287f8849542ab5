// Blob bytes as files: <directory>/<2 hex>/<uuid>. No renames: a file is complete when a record in
// the store names it. What a power failure leaves of a committed blob is decided by `commit`, which
// syncs the file's bytes, then the directory that holds its name, then (once per directory and
// process, for an earlier process may have died between mkdir and sync) the directories above.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert, type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import type { BlobBody, BlobLocation, BlobStat, BlobStore, BlobUpload } from "./blobs.ts";
import { blobShard, checkBlobLocation, newBlobLocation, parseBlobLocation } from "./location.ts";

/** Bytes appended to one upload before their write-back is started behind it. */
export const writeBackBytes = 64 * 1024 * 1024;
/** Write-backs of all uploads at once: each takes a thread of libuv's pool, reads need theirs. */
const writeBacksMax = 2;

/**
 * Bytes of one write. The page cache takes memory in pieces of that size, and in a virtual machine
 * pieces of a megabyte are ever again ones that the host has taken back: three times the time.
 */
const writeBytesMax = 128 * 1024;

const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

export interface FilesystemBlobsOptions {
  /** Made when the first blob comes, if it is missing; the directory above it must be there. */
  readonly directory: string;
}

export function createFilesystemBlobs(env: Env, options: FilesystemBlobsOptions): BlobStore {
  const { directory } = options;
  const durableShards = new Set<string>();
  const writeBacks = { running: 0 };

  /** Only locations of the right shape become paths; all others are a damaged record. */
  function pathOf(location: BlobLocation): string {
    return join(directory, checkBlobLocation(location));
  }

  async function syncNames(location: BlobLocation): Promise<void> {
    const shard = blobShard(location);
    await syncDirectory(join(directory, shard));
    if (durableShards.has(shard)) return;
    await syncDirectory(directory);
    if (durableShards.size === 0) await syncDirectory(dirname(directory));
    durableShards.add(shard);
  }

  function upload(location: BlobLocation, file: FileHandle, bytes: number): BlobUpload {
    return new FileUpload({ location, file, bytes, writeBacks, syncNames });
  }

  return {
    async create(): Promise<BlobUpload> {
      const location = newBlobLocation(env.random);
      const path = pathOf(location);
      return await explained(`create blob ${location}`, async () => {
        const file = await openNew(path, directory);
        return upload(location, file, 0);
      });
    },

    async open(location: BlobLocation): Promise<BlobUpload | null> {
      const path = pathOf(location);
      return await explained(`open blob ${location}`, async () => {
        const file = await absentAsNull(open(path, constants.O_WRONLY));
        if (file === null) return null;
        const { size } = await file.stat();
        return upload(location, file, size);
      });
    },

    async stat(location: BlobLocation): Promise<BlobStat | null> {
      const path = pathOf(location);
      return await explained(`stat blob ${location}`, async () => {
        const found = await absentAsNull(stat(path));
        return found === null ? null : { bytes: found.size, modifiedMs: found.mtimeMs };
      });
    },

    body(
      location: BlobLocation,
      range: { readonly start: number; readonly end: number },
    ): BlobBody {
      return { type: "file", path: pathOf(location), start: range.start, end: range.end };
    },

    async delete(location: BlobLocation): Promise<void> {
      const path = pathOf(location);
      await explained(`delete blob ${location}`, () => absentAsNull(unlink(path)));
    },

    async list(after: BlobLocation | null, limit: number): Promise<BlobLocation[]> {
      return await explained("list blobs", () => listFiles(directory, after, limit));
    },
  };
}

interface FileUploadParts {
  readonly location: BlobLocation;
  readonly file: FileHandle;
  readonly bytes: number;
  readonly writeBacks: { running: number };
  readonly syncNames: (location: BlobLocation) => Promise<void>;
}

class FileUpload implements BlobUpload {
  readonly location: BlobLocation;
  bytes: number;
  readonly #file: FileHandle;
  readonly #writeBacks: { running: number };
  readonly #syncNames: (location: BlobLocation) => Promise<void>;
  #writeBackStarted: number;
  #writeBack: Promise<void> | null = null;
  /** Linux tells a failed write-back once: whoever hears it must keep it for the commit. */
  #failure: IoError | null = null;
  #busy = false;
  #closed = false;

  constructor(parts: FileUploadParts) {
    this.location = parts.location;
    this.bytes = parts.bytes;
    this.#file = parts.file;
    this.#writeBacks = parts.writeBacks;
    this.#syncNames = parts.syncNames;
    this.#writeBackStarted = parts.bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#enter();
    try {
      let written = 0;
      while (written < chunk.byteLength) {
        const length = Math.min(chunk.byteLength - written, writeBytesMax);
        const result = await this.#file.write(chunk, written, length, this.bytes + written);
        written += result.bytesWritten;
      }
      this.bytes += written;
      this.#startWriteBack();
    } catch (error) {
      throw this.#fail("append", error);
    } finally {
      this.#busy = false;
    }
  }

  async commit(): Promise<void> {
    this.#enter();
    try {
      await this.#writeBack;
      if (this.#failure !== null) throw this.#failure;
      await this.#file.datasync();
      await this.#syncNames(this.location);
    } catch (error) {
      throw this.#fail("commit", error);
    } finally {
      this.#busy = false;
      await this.#letGo();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#letGo();
    if (this.#failure !== null) throw this.#failure;
  }

  async #letGo(): Promise<void> {
    this.#closed = true;
    await this.#writeBack;
    await explained(`close blob ${this.location}`, () => this.#file.close());
  }

  #enter(): void {
    assert(!this.#busy, "an upload has one writer at a time");
    if (this.#closed) throw new IoError("closed", `blob ${this.location} is closed`);
    if (this.#failure !== null) throw this.#failure;
    this.#busy = true;
  }

  #fail(verb: string, error: unknown): IoError {
    this.#failure ??= ioError(`${verb} blob ${this.location}`, error);
    return this.#failure;
  }

  /** Sends what was appended on its way to the disk while more comes, so that `commit` is short. */
  #startWriteBack(): void {
    if (this.bytes - this.#writeBackStarted < writeBackBytes) return;
    if (this.#writeBack !== null || this.#writeBacks.running >= writeBacksMax) return;
    this.#writeBackStarted = this.bytes;
    this.#writeBacks.running += 1;
    this.#writeBack = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#fail("write back", error);
      })
      .finally(() => {
        this.#writeBacks.running -= 1;
        this.#writeBack = null;
      });
  }
}

/** Makes the directories on the way only when they turn out to be missing. */
async function openNew(path: string, directory: string): Promise<FileHandle> {
  const file = await absentAsNull(open(path, writeFlags, 0o640));
  if (file !== null) return file;
  await makeDirectory(directory);
  await makeDirectory(dirname(path));
  return await open(path, writeFlags, 0o640);
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listFiles(
  directory: string,
  after: BlobLocation | null,
  limit: number,
): Promise<BlobLocation[]> {
  const found: BlobLocation[] = [];
  const first = after === null ? 0 : Number.parseInt(blobShard(after), 16);
  for (let shard = first; shard < 256 && found.length < limit; shard += 1) {
    const name = shard.toString(16).padStart(2, "0");
    const entries = (await absentAsNull(readdir(join(directory, name)))) ?? [];
    const locations = entries
      .map((entry) => parseBlobLocation(`${name}/${entry}`))
      .filter((location) => location !== null)
      .filter((location) => after === null || location > after)
      .sort();
    found.push(...locations.slice(0, limit - found.length));
  }
  return found;
}

async function absentAsNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw ioError(what, error);
  }
}

function ioError(what: string, error: unknown): IoError {
  if (error instanceof IoError) return error;
  const code = errorCode(error);
  const message = `${what}: ${errorMessage(error)}`;
  if (code === "ENOSPC" || code === "EDQUOT") return new IoError("disk-full", message, error);
  if (code === "ENOENT") return new IoError("not-found", message, error);
  return new IoError("io", message, error);
}
