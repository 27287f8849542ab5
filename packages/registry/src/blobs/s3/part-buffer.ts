// Bytes gathered for one part. Grows with what is in it: most blobs are much smaller than a part.

import { assert } from "@sampan/env";

const bytesAtFirst = 64 * 1024;

export class PartBuffer {
  bytes = 0;
  #memory = Buffer.alloc(0);

  /** The first bytes of `chunk`, up to `bytesMax` in all. Gives how many were taken. */
  add(chunk: Uint8Array, bytesMax: number): number {
    const count = Math.min(chunk.byteLength, bytesMax - this.bytes);
    assert(count >= 0, "a part does not grow beyond its size");
    this.#reserve(this.bytes + count, bytesMax);
    this.#memory.set(chunk.subarray(0, count), this.bytes);
    this.bytes += count;
    return count;
  }

  /** What is in it, which from now on is the caller's; empty afterwards. */
  take(): Buffer {
    const taken = this.#memory.subarray(0, this.bytes);
    this.#memory = Buffer.alloc(0);
    this.bytes = 0;
    return taken;
  }

  #reserve(bytes: number, bytesMax: number): void {
    if (bytes <= this.#memory.byteLength) return;
    const wanted = Math.max(bytes, this.#memory.byteLength * 2, bytesAtFirst);
    const larger = Buffer.allocUnsafeSlow(Math.min(wanted, Math.max(bytesMax, bytes)));
    this.#memory.copy(larger, 0, 0, this.bytes);
    this.#memory = larger;
  }
}
