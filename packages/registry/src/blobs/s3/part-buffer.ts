// Bytes gathered for one part. The first one grows with what is in it, for most blobs are much
// smaller than a part; those behind it take a whole part's memory at once, which is used again
// when the part is in S3: the system's price for fresh memory is a third of a push.

import { assert } from "@sampan/env";
import { partBytesMin } from "./parts.ts";

const bytesAtFirst = 64 * 1024;
/** Memory that is kept between pushes, in parts of the smallest size. */
const sparesMax = 8;

/** Memory of parts of the smallest size, of all uploads; others come and go. */
export class PartMemory {
  readonly #spares: Buffer[] = [];

  take(bytes: number): Buffer {
    const spare = bytes === partBytesMin ? this.#spares.pop() : undefined;
    return spare ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Nobody may read or write it any more. */
  give(memory: Buffer): void {
    const isWhole = memory.byteLength === partBytesMin;
    if (isWhole && this.#spares.length < sparesMax) this.#spares.push(memory);
  }
}

export class PartBuffer {
  bytes = 0;
  readonly #source: PartMemory;
  #memory: Buffer = Buffer.alloc(0);
  #isFirst = true;

  constructor(source: PartMemory) {
    this.#source = source;
  }

  /** The first bytes of `chunk`, up to `bytesMax` in all. Gives how many were taken. */
  add(chunk: Uint8Array, bytesMax: number): number {
    const count = Math.min(chunk.byteLength, bytesMax - this.bytes);
    assert(count >= 0, "a part does not grow beyond its size");
    if (count > 0) this.#reserve(this.bytes + count, bytesMax);
    this.#memory.set(chunk.subarray(0, count), this.bytes);
    this.bytes += count;
    return count;
  }

  /** What is in it, from now on the caller's, who gives a whole one back; empty afterwards. */
  take(): Buffer {
    const taken = this.#memory.subarray(0, this.bytes);
    this.#memory = Buffer.alloc(0);
    this.bytes = 0;
    this.#isFirst = false;
    return taken;
  }

  #reserve(bytes: number, bytesMax: number): void {
    if (bytes <= this.#memory.byteLength) return;
    const doubled = Math.max(bytes, this.#memory.byteLength * 2, bytesAtFirst);
    const larger = this.#source.take(this.#isFirst ? Math.min(doubled, bytesMax) : bytesMax);
    this.#memory.copy(larger, 0, 0, this.bytes);
    this.#source.give(this.#memory);
    this.#memory = larger;
  }
}
