// The small binary form of hot records: a version byte, then fields in a fixed order. A record of a
// newer version is refused, never guessed at: an older process must not serve or rewrite it.
//
//   u64      eight bytes, most significant first
//   varint   seven bits a byte, least significant first, the high bit says that more follow
//   text     varint length in bytes, UTF-8
//   digest   01 ‖ 32 bytes | 02 ‖ 64 bytes
//   media    varint: an index in the table below, plus one; 0 is followed by a text

import { assert, IoError } from "@sampan/env";
import type { Digest } from "@sampan/oci/model";

// The numbers are in stored records: append only, never reorder.
const knownMediaTypes: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

const hexOffset = "sha256:".length;

/** Appends fields; `finish` gives the bytes. Records are small: at most a few hundred bytes. */
export class RecordWriter {
  #bytes = Buffer.allocUnsafe(128);
  #length = 0;

  constructor(version: number) {
    this.u8(version);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  /** A whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, "a record holds whole numbers only");
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  u64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64BE(value, this.#length);
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value, "utf8");
    this.varint(bytes);
    this.#reserve(bytes);
    this.#length += this.#bytes.write(value, this.#length, "utf8");
  }

  digest(value: Digest): void {
    this.u8(value.startsWith("sha256:") ? 1 : 2);
    const hex = value.slice(hexOffset);
    this.#reserve(hex.length / 2);
    this.#length += this.#bytes.write(hex, this.#length, "hex");
  }

  media(value: string): void {
    const index = knownMediaTypes.indexOf(value);
    this.varint(index + 1);
    if (index === -1) this.text(value);
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/**
 * Reads fields back in order. Throws `IoError("corrupt")` where the bytes are not such a record.
 */
export class RecordReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array, version: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    requireVersion(this.u8(), version);
  }

  u8(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw corrupt("a record ends early");
    this.#offset += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw corrupt("a number in a record does not end");
  }

  u64(): bigint {
    const end = this.#offset + 8;
    if (end > this.#bytes.length) throw corrupt("a record ends inside a number");
    const value = this.#bytes.readBigUInt64BE(this.#offset);
    this.#offset = end;
    return value;
  }

  text(): string {
    const end = this.varint() + this.#offset;
    if (end > this.#bytes.length) throw corrupt("a record ends inside a text");
    const text = this.#bytes.toString("utf8", this.#offset, end);
    this.#offset = end;
    return text;
  }

  digest(): Digest {
    const algorithm = this.u8();
    if (algorithm !== 1 && algorithm !== 2) throw corrupt("a record holds an unknown digest");
    const end = this.#offset + (algorithm === 1 ? 32 : 64);
    if (end > this.#bytes.length) throw corrupt("a record ends inside a digest");
    const hex = this.#bytes.toString("hex", this.#offset, end);
    this.#offset = end;
    return `${algorithm === 1 ? "sha256" : "sha512"}:${hex}` as Digest;
  }

  media(): string {
    const index = this.varint();
    if (index === 0) return this.text();
    const known = knownMediaTypes[index - 1];
    if (known === undefined) throw corrupt("a record holds an unknown media type number");
    return known;
  }

  /** All that is left: a view, not a copy. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#offset);
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }
}

export function requireVersion(found: number, known: number): void {
  if (found === known) return;
  throw new IoError(
    "format-newer",
    `a record has version ${found}, this program knows ${known}: start a newer one`,
  );
}

function corrupt(message: string): IoError {
  return new IoError("corrupt", message);
}

/** The form of cold records: `{"v":1,…}` in UTF-8. */
export function encodeJson(version: number, fields: object): Uint8Array {
  return Buffer.from(JSON.stringify({ v: version, ...fields }), "utf8");
}

/** What `encodeJson` wrote; the caller knows its fields, which only this program writes. */
export function decodeJson<Fields extends object>(bytes: Uint8Array, version: number): Fields {
  const { v: found, ...fields } = parseJson(bytes);
  if (typeof found !== "number") throw corrupt("a record has no version");
  requireVersion(found, version);
  return fields as Fields;
}

function parseJson(bytes: Uint8Array): { readonly v?: unknown } {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    throw new IoError("corrupt", "a record is not JSON", error);
  }
  throw corrupt("a record is not a JSON object");
}
