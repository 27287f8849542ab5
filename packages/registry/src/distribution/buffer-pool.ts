// Buffers through which blob bytes pass, up and down. Large while few streams are open, smaller
// when there are many, so that memory stays bounded and the common case (a few streams) is fast: 1
// MiB moves twice the bytes per second of Node's usual 64 KiB. // hot path

import { assert } from "@sampan/env";

const KiB = 1024;
const MiB = 1024 * KiB;

/** A stream holds four of these at most: 64 MiB, 128 MiB, and 1 GiB at 4,096 connections. */
const tiers = [
  { streamsMax: 16, bytes: MiB },
  { streamsMax: 128, bytes: 256 * KiB },
  { streamsMax: Number.POSITIVE_INFINITY, bytes: 64 * KiB },
] as const;
export const bufferBytesMax = MiB;
/** What is kept for the next stream; the rest goes back to the system. */
const freeBytesMax = 32 * MiB;

/** Who holds one may send its memory away and put other memory of that size in its place. */
export interface PooledBuffer {
  /** All of an ArrayBuffer of its own. */
  bytes: Buffer;
}

export class BufferPool {
  readonly #free = new Map<number, PooledBuffer[]>(tiers.map((tier) => [tier.bytes, []]));
  #freeBytes = 0;
  #streams = 0;

  /** A stream begins; `leave` must follow. */
  enter(): void {
    this.#streams += 1;
  }

  leave(): void {
    assert(this.#streams > 0, "a stream left that did not enter");
    this.#streams -= 1;
  }

  /** A buffer of what is right now the size for a stream that has `wanted` bytes left to move. */
  take(wanted: number): PooledBuffer {
    const bytes = this.#bufferBytes(wanted);
    const buffer = this.#free.get(bytes)?.pop();
    if (buffer !== undefined) {
      this.#freeBytes -= bytes;
      return buffer;
    }
    return { bytes: Buffer.from(new ArrayBuffer(bytes)) };
  }

  /** Gives a buffer back: nobody reads or writes it any more. */
  give(buffer: PooledBuffer): void {
    const { byteLength } = buffer.bytes;
    const free = this.#free.get(byteLength);
    // Memory that was sent away and never came back has no bytes and no list.
    if (free === undefined || this.#freeBytes + byteLength > freeBytesMax) return;
    free.push(buffer);
    this.#freeBytes += byteLength;
  }

  #bufferBytes(wanted: number): number {
    const index = tiers.findIndex((tier) => this.#streams <= tier.streamsMax);
    const smaller = tiers.findLastIndex((tier) => tier.bytes >= wanted);
    return tiers[Math.max(index, smaller)]?.bytes ?? bufferBytesMax;
  }
}
