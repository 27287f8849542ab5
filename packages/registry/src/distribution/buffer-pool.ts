// Buffers through which blob bytes pass, up and down. Large while few streams are open, smaller
// when there are many, so that memory stays bounded and the common case (a few streams) is fast. 1
// MiB moves twice the bytes per second of Node's usual 64 KiB; 4 MiB, each of which is one message
// to a hashing worker and one write, cost an upload a seventh less of the CPU.
//
// The memory is shared, so that a hashing worker reads what the main thread writes to the file.
// (Moving it there and back instead makes V8 collect garbage for memory that is none: a whole core
// second per GiB.) // hot path

import { assert } from "@sampan/env";

const KiB = 1024;
const MiB = 1024 * KiB;

/** A stream holds four of these at most: 64 MiB twice, 128 MiB, and 1 GiB at 4,096 connections. */
const tiers = [
  { streamsMax: 4, bytes: 4 * MiB },
  { streamsMax: 16, bytes: MiB },
  { streamsMax: 128, bytes: 256 * KiB },
  { streamsMax: Number.POSITIVE_INFINITY, bytes: 64 * KiB },
] as const;
export const bufferBytesMax = 4 * MiB;
const smallestBytes = 64 * KiB;
/**
 * What is kept for the next stream; the rest is left to the collector. But for what the streams that
 * are open may ask for at any time: hundreds of streams that drop and take would keep it busy.
 */
const freeBytesMax = 32 * MiB;
const buffersPerStreamMax = 4;

export interface PooledBuffer {
  readonly bytes: Buffer;
  /** The memory behind `bytes`, from its start. */
  readonly memory: SharedArrayBuffer;
  /**
   * Of the same size, and never touched, so that the system has nothing to give for it. V8 counts
   * no shared memory: what is dropped would wait for a collection that it sees no reason for.
   */
  readonly weight: ArrayBuffer;
}

/**
 * A buffer of that size, of no pool. Memory that could grow is taken from the system in whole pages
 * and not from the heap: so it lies where direct writes to a disk ask for it.
 */
export function newBuffer(bytes: number): PooledBuffer {
  const memory = new SharedArrayBuffer(bytes, { maxByteLength: bytes });
  return {
    bytes: Buffer.from(memory),
    memory,
    weight: Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes }]) as ArrayBuffer,
  };
}

/**
 * Copies `part` to `at`, where it fits. Not by `set` or `copy`: into shared memory V8 copies word
 * by word, with atomic stores; Node's `fill` is one memcpy when source and target are of one
 * length.
 */
export function copyInto(target: Buffer, part: Uint8Array, at: number): void {
  if (part.byteLength > 0) target.fill(part, at, at + part.byteLength);
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
    if (this.#freeBytes > this.#freeBytesMax()) this.#trim();
  }

  /** A buffer of what is right now the size for a stream that has `wanted` bytes left to move. */
  take(wanted: number): PooledBuffer {
    const bytes = this.#bufferBytes(wanted);
    const buffer = this.#free.get(bytes)?.pop();
    if (buffer !== undefined) {
      this.#freeBytes -= bytes;
      return buffer;
    }
    return newBuffer(bytes);
  }

  /** Gives a buffer back: nobody reads or writes it any more. */
  give(buffer: PooledBuffer): void {
    const { byteLength } = buffer.bytes;
    this.#makeRoom(byteLength);
    if (this.#freeBytes + byteLength > this.#freeBytesMax()) return;
    this.#free.get(byteLength)?.push(buffer);
    this.#freeBytes += byteLength;
  }

  #freeBytesMax(): number {
    return Math.max(freeBytesMax, this.#streams * buffersPerStreamMax * smallestBytes);
  }

  /** The small ones, of which many streams have left more than the next few will need. */
  #trim(): void {
    this.#drop(smallestBytes, 0);
  }

  /**
   * Those of other sizes, which streams as many as there are now do not take, make way, whatever
   * left them: else every buffer of an upload that comes behind many pulls is a new one.
   */
  #makeRoom(bytes: number): void {
    for (const tier of tiers) if (tier.bytes !== bytes) this.#drop(tier.bytes, bytes);
  }

  /** Drops free ones of that size until so many bytes more find room. */
  #drop(size: number, room: number): void {
    const free = this.#free.get(size) ?? [];
    while (this.#freeBytes + room > this.#freeBytesMax() && free.length > 0) {
      free.pop();
      this.#freeBytes -= size;
    }
  }

  #bufferBytes(wanted: number): number {
    const index = tiers.findIndex((tier) => this.#streams <= tier.streamsMax);
    const smaller = tiers.findLastIndex((tier) => tier.bytes >= wanted);
    return tiers[Math.max(index, smaller)]?.bytes ?? bufferBytesMax;
  }
}
