// The numbers and strings inside lock and write records, as TiKV writes them:
//
//   u64       8 bytes, big-endian
//   varint    unsigned LEB128, at most 10 bytes
//   compact   a length as zigzag varint (1 is 02), then the bytes
//
// A reader that meets malformed bytes stays failed and gives zeros: ask `failed` once, at the end.

import { assert } from "./assertion.ts";
import { fromHalves, highHalf, lowHalf, readTimestamp, writeTimestamp } from "./timestamp.ts";

export const varintBytesMax = 10;
export const u64Bytes = 8;
/** A compact string's length at its longest; ours stay far below 2^31. */
export const compactLengthBytesMax = 5;

const empty = Buffer.alloc(0);

export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get failed(): boolean {
    return this.#failed;
  }

  get atEnd(): boolean {
    return this.#failed || this.#offset === this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) {
      this.#failed = true;
      return 0;
    }
    this.#offset += 1;
    return byte;
  }

  u64(): bigint {
    if (this.#bytes.length - this.#offset < u64Bytes) {
      this.#failed = true;
      return 0n;
    }
    const value = readTimestamp(this.#bytes, this.#offset);
    this.#offset += u64Bytes;
    return value;
  }

  varint(): bigint {
    let low = 0;
    let high = 0;
    for (let index = 0; index < varintBytesMax; index++) {
      const byte = this.u8();
      const bits = byte & 0x7f;
      if (index < 4) low += bits * 2 ** (7 * index);
      else if (index === 4) {
        low += (bits & 0x0f) * 2 ** 28;
        high = bits >>> 4;
      } else high += bits * 2 ** (7 * index - 32);
      if (byte < 0x80) {
        if (high > 0xffff_ffff) this.#failed = true;
        return this.#failed ? 0n : fromHalves(high, low);
      }
    }
    this.#failed = true;
    return 0n;
  }

  /** A copy of the next `count` bytes. */
  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#offset) {
      this.#failed = true;
      return empty;
    }
    const from = this.#offset;
    this.#offset += count;
    return Buffer.from(this.#bytes.subarray(from, this.#offset));
  }

  compact(): Buffer {
    const zigzag = this.varint();
    if ((zigzag & 1n) !== 0n || zigzag >> 1n > BigInt(this.#bytes.length)) {
      this.#failed = true;
      return empty;
    }
    return this.take(Number(zigzag >> 1n));
  }

  /** A count of things that take `bytesMin` or more each: it cannot exceed what the rest holds. */
  count(bytesMin: number): number {
    const count = this.varint();
    if (count * BigInt(bytesMin) > BigInt(this.#bytes.length - this.#offset)) {
      this.#failed = true;
      return 0;
    }
    return Number(count);
  }
}

/** Writes into a buffer that the caller has sized for the worst case. */
export class ByteWriter {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(bytesMax);
  }

  u8(value: number): void {
    this.#bytes[this.#offset++] = value;
  }

  u64(value: bigint): void {
    writeTimestamp(this.#bytes, this.#offset, value);
    this.#offset += u64Bytes;
  }

  varint(value: bigint): void {
    let low = lowHalf(value);
    let high = highHalf(value);
    while (high > 0 || low >= 0x80) {
      this.#bytes[this.#offset++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#offset++] = low;
  }

  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }

  compact(bytes: Uint8Array): void {
    this.varint(BigInt(bytes.length) << 1n);
    this.append(bytes);
  }

  finish(): Buffer {
    assert(this.#offset <= this.#bytes.length, "byte writer: sized too small");
    return this.#bytes.subarray(0, this.#offset);
  }
}
