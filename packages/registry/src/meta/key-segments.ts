// The segments keys are made of. Each is prefix-free and keeps the order of what it encodes, so a
// key made of them sorts field by field and no key is the beginning of another of the same kind.
//
// A segment is a string of one character per byte (latin1): joining such strings and turning the
// whole into bytes once is the cheapest way to build a key in V8. Hot path.

import { assert } from "@sampan/env";
import type { Digest } from "@sampan/oci/model";

export type Segment = string & { readonly brand: "Segment" };

const printableAscii = /^[ -~]*$/;

/** Text in UTF-8, ended by a zero byte, which it must not hold. Sorts by code point. */
export function textSegment(text: string): Segment {
  // Names and tags always are; what is not is turned into UTF-8.
  if (printableAscii.test(text)) return `${text}\0` as Segment;
  assert(!text.includes("\0"), "a text in a key holds a zero byte");
  return `${Buffer.from(text, "utf8").toString("latin1")}\0` as Segment;
}

// The first byte fixes the length of what follows, which makes the segment prefix-free.
const sha256Byte = "\x01";
const sha512Byte = "\x02";
const hexOffset = "sha256:".length;

/** One byte for the algorithm, then the 32 or 64 bytes of the hash. */
export function digestSegment(digest: Digest): Segment {
  const algorithm = digest.startsWith("sha256:") ? sha256Byte : sha512Byte;
  return (algorithm + Buffer.from(digest.slice(hexOffset), "hex").toString("latin1")) as Segment;
}

/** Eight bytes, most significant first. */
export function u64Segment(value: bigint): Segment {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(value);
  return bytes.toString("latin1") as Segment;
}

/** Four bytes, most significant first. */
export function u32Segment(value: number): Segment {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("latin1") as Segment;
}

/** One byte. */
export function u8Segment(value: number): Segment {
  return String.fromCharCode(value) as Segment;
}

/** Reads a key's segments back, in order. A key that is not of that form is a broken invariant. */
export class KeyReader {
  readonly #key: Buffer;
  #offset: number;

  constructor(key: Uint8Array, prefixBytes: number) {
    this.#key = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
    this.#offset = prefixBytes;
  }

  text(): string {
    const end = this.#key.indexOf(0, this.#offset);
    assert(end !== -1, "a key ends inside a text");
    const text = this.#key.toString("utf8", this.#offset, end);
    this.#offset = end + 1;
    return text;
  }

  digest(): Digest {
    const algorithm = this.u8();
    assert(algorithm === 1 || algorithm === 2, "a key holds an unknown digest algorithm");
    const end = this.#offset + (algorithm === 1 ? 32 : 64);
    assert(end <= this.#key.length, "a key ends inside a digest");
    const hex = this.#key.toString("hex", this.#offset, end);
    this.#offset = end;
    return `${algorithm === 1 ? "sha256" : "sha512"}:${hex}` as Digest;
  }

  u8(): number {
    const value = this.#key[this.#offset];
    assert(value !== undefined, "a key ends early");
    this.#offset += 1;
    return value;
  }

  u64(): bigint {
    const value = this.#key.readBigUInt64BE(this.#offset);
    this.#offset += 8;
    return value;
  }
}
