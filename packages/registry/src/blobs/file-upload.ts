// One upload into a file. The first bytes go through the page cache, where the pulls that follow a
// push find them; what comes behind goes past it, from our memory straight to the disk. A large
// blob so costs no copy and no pages that would have to be found for it: where a virtual machine's
// host takes free memory back, those are most of the price of a push. // hot path

import { assert, errorCode, IoError } from "@sampan/env";
import type { BlobLocation, BlobUpload } from "./blobs.ts";
import { explained, ioError } from "./file-errors.ts";

/** Bytes appended through the page cache before their write-back is started behind them. */
export const writeBackBytes = 64 * 1024 * 1024;
/** Write-backs of all uploads at once: each takes a thread of libuv's pool, reads need theirs. */
const writeBacksMax = 2;

/**
 * Bytes of one write through the page cache, which takes memory in pieces of that size: in a
 * virtual machine pieces of a megabyte are ever again ones that the host has taken back.
 */
const cachedWriteBytesMax = 128 * 1024;

/**
 * `O_DIRECT` asks for position, length and memory in whole blocks of the device: 512 bytes or, as
 * here is assumed, a page (open(2)). What is not in whole pages goes through the cache.
 */
export const directAlignment = 4096;
/**
 * Direct writes of all uploads at once: each holds a thread of libuv's pool for as long as the disk
 * takes. What comes beyond goes through the cache.
 */
const directWritesMax = 6;
/** Each direct write is one command to the disk: below that it does not pay. */
const directBytesMin = 64 * 1024;

const cannotWriteDirectly = ["EINVAL", "EOPNOTSUPP", "ENOTSUP"];

/** Of an open file what an upload needs. */
export interface WrittenFile {
  /** May write less than `length`, as write(2) may. */
  write(
    from: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileUploadParts {
  readonly location: BlobLocation;
  /** Open for writing, through the page cache. */
  readonly file: WrittenFile;
  /** Opens the same file for writing past the page cache. */
  readonly openDirect: () => Promise<WrittenFile>;
  readonly bytes: number;
  readonly pageCacheBytes: number;
  readonly writeBacks: { running: number };
  readonly directWrites: { running: number };
  readonly syncNames: (location: BlobLocation) => Promise<void>;
}

export class FileUpload implements BlobUpload {
  readonly location: BlobLocation;
  bytes: number;
  readonly #parts: FileUploadParts;
  readonly #file: WrittenFile;
  /** The same file past the page cache: null until it is needed, false where that is not to be had. */
  #direct: WrittenFile | null | false = null;
  /** Through the page cache since the last write-back began. */
  #cachedBytes = 0;
  #writeBack: Promise<void> | null = null;
  /** Linux tells a failed write-back once: whoever hears it must keep it for the commit. */
  #failure: IoError | null = null;
  #busy = false;
  /** What is under way; is never rejected. */
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: FileUploadParts) {
    this.location = parts.location;
    this.bytes = parts.bytes;
    this.#parts = parts;
    this.#file = parts.file;
  }

  append(chunk: Uint8Array): Promise<void> {
    return this.#alone("append", async () => {
      const direct = await this.#writeDirect(chunk);
      if (direct < chunk.byteLength) await this.#writeCached(chunk, direct);
      this.bytes += chunk.byteLength;
      this.#startWriteBack();
    });
  }

  commit(): Promise<void> {
    return this.#alone("commit", async () => {
      try {
        await this.#writeBack;
        if (this.#failure !== null) throw this.#failure;
        // Also what was written directly: the disk may hold it in a cache of its own, and the file
        // has no length and no extents yet that would outlive a power failure.
        await this.#file.datasync();
        await this.#parts.syncNames(this.location);
      } finally {
        await this.#letGo();
      }
    });
  }

  /** An append that is under way ends first: it may be about to open the file another time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#work;
    await this.#letGo();
    if (this.#failure !== null) throw this.#failure;
  }

  async #alone(verb: string, body: () => Promise<void>): Promise<void> {
    this.#enter();
    const work = body()
      .catch((error: unknown) => {
        throw this.#fail(verb, error);
      })
      .finally(() => {
        this.#busy = false;
      });
    this.#work = work.catch(() => undefined);
    await work;
  }

  async #letGo(): Promise<void> {
    this.#closed = true;
    await this.#writeBack;
    await explained(`close blob ${this.location}`, async () => {
      try {
        if (this.#direct !== null && this.#direct !== false) await this.#direct.close();
      } finally {
        await this.#file.close();
      }
    });
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

  /** The bytes of `chunk`, from its start, that went to the disk past the page cache. */
  async #writeDirect(chunk: Uint8Array): Promise<number> {
    const end = chunk.byteLength - (chunk.byteLength % directAlignment);
    if (this.bytes < this.#parts.pageCacheBytes || this.bytes % directAlignment !== 0) return 0;
    const { directWrites } = this.#parts;
    if (end < directBytesMin || this.#direct === false) return 0;
    if (directWrites.running >= directWritesMax) return 0;
    let written = 0;
    directWrites.running += 1;
    try {
      this.#direct ??= await this.#parts.openDirect();
      while (written < end) {
        const at = this.bytes + written;
        const result = await this.#direct.write(chunk, written, end - written, at);
        written += atLeastOne(result.bytesWritten);
        // A short write that ends within a page: the rest goes through the cache.
        if (result.bytesWritten % directAlignment !== 0) break;
      }
    } catch (error) {
      // The filesystem cannot, or not with this memory: nothing of that write was taken.
      if (!cannotWriteDirectly.includes(errorCode(error) ?? "")) throw error;
      await this.#giveUpDirect();
    } finally {
      directWrites.running -= 1;
    }
    return written;
  }

  async #giveUpDirect(): Promise<void> {
    const file = this.#direct;
    this.#direct = false;
    if (file !== null && file !== false) await file.close();
  }

  async #writeCached(chunk: Uint8Array, from: number): Promise<void> {
    for (let written = from; written < chunk.byteLength; ) {
      const length = Math.min(chunk.byteLength - written, cachedWriteBytesMax);
      const result = await this.#file.write(chunk, written, length, this.bytes + written);
      written += atLeastOne(result.bytesWritten);
    }
    this.#cachedBytes += chunk.byteLength - from;
  }

  /** Sends what was appended on its way to the disk while more comes, so that `commit` is short. */
  #startWriteBack(): void {
    const { writeBacks } = this.#parts;
    if (this.#cachedBytes < writeBackBytes) return;
    if (this.#writeBack !== null || writeBacks.running >= writeBacksMax) return;
    this.#cachedBytes = 0;
    writeBacks.running += 1;
    this.#writeBack = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#fail("write back", error);
      })
      .finally(() => {
        writeBacks.running -= 1;
        this.#writeBack = null;
      });
  }
}

/** A filesystem that takes nothing, and says nothing, would be asked for ever. */
function atLeastOne(bytesWritten: number): number {
  if (bytesWritten === 0) throw new IoError("io", "the filesystem wrote nothing");
  return bytesWritten;
}
