// The one write batch of all engines: its bytes are RocksDB's own, so that what one commit changes
// goes to the engine, to a raft log and over a wire as the same buffer, with no object per entry.
//
//   batch   sequence (u64 LE, zero: the engine sets it) | count (u32 LE) | entry*
//   entry   tag (u8) | family (varint32, not in the default family's tags) | bytes | bytes
//   bytes   length (varint32) | the bytes; a delete has only the first, a range delete [from, to)
//
// The tags are RocksDB's value types (db/dbformat.h), which its files hold and never change.

import { AssertionError, assert } from "@sampan/env";
import { type Family, families, type WriteBatch } from "./engine.ts";

const headerBytes = 12;
const countOffset = 8;
/** Below half of Node's buffer pool, so that a small batch takes a slice of it. */
const capacityBytesFirst = 1024;
/** Tag, family and two lengths at their longest. */
const entryOverheadBytesMax = 1 + 1 + 5 + 5;

const tags = { delete: 0x00, put: 0x01, deleteRange: 0x0f } as const;
const familyTags = { delete: 0x04, put: 0x05, deleteRange: 0x0e } as const;

type Change = keyof typeof tags;

/**
 * The ids under which RocksDB keeps our families: the order in which they were created, which is
 * that of `families`. An engine checks them when it opens a database. All are below 128: one byte.
 */
export const familyIds = { default: 0, lock: 1, write: 2, raft: 3 } as const satisfies Record<
  Family,
  number
>;

/** A change as it stands in a batch. The bytes are views of the batch's. */
export type WriteBatchEntry =
  | { readonly type: "put"; readonly family: Family; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "delete"; readonly family: Family; readonly key: Buffer }
  | {
      readonly type: "delete-range";
      readonly family: Family;
      readonly from: Buffer;
      readonly to: Buffer;
    };

/** An empty batch, fit for every engine. */
export function createWriteBatch(): WriteBatch {
  return new EncodedWriteBatch();
}

// hot path
class EncodedWriteBatch implements WriteBatch {
  #buffer: Buffer = Buffer.allocUnsafe(capacityBytesFirst);
  #length = headerBytes;
  #count = 0;

  put(family: Family, key: Uint8Array, value: Uint8Array): void {
    this.#begin("put", family, key.length + value.length);
    this.#append(key);
    this.#append(value);
  }

  delete(family: Family, key: Uint8Array): void {
    this.#begin("delete", family, key.length);
    this.#append(key);
  }

  deleteRange(family: Family, from: Uint8Array, to: Uint8Array): void {
    if (Buffer.compare(from, to) >= 0) return;
    this.#begin("deleteRange", family, from.length + to.length);
    this.#append(from);
    this.#append(to);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = headerBytes;
    this.#count = 0;
  }

  encoded(): Buffer {
    this.#buffer.fill(0, 0, countOffset);
    this.#buffer.writeUInt32LE(this.#count, countOffset);
    return this.#buffer.subarray(0, this.#length);
  }

  #begin(change: Change, family: Family, payloadBytes: number): void {
    this.#reserve(entryOverheadBytesMax + payloadBytes);
    if (family === "default") {
      this.#buffer[this.#length++] = tags[change];
    } else {
      this.#buffer[this.#length++] = familyTags[change];
      this.#buffer[this.#length++] = familyIds[family];
    }
    this.#count += 1;
  }

  #append(bytes: Uint8Array): void {
    let rest = bytes.length;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(moreBytes: number): void {
    const needed = this.#length + moreBytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** The changes of an encoded batch, in order. Bytes that no batch has written are a bug: assert. */
export function* decodeWriteBatch(encoded: Uint8Array): Generator<WriteBatchEntry> {
  const reader = new BatchReader(encoded);
  const count = reader.count();
  for (let index = 0; index < count; index++) yield reader.entry();
  assert(reader.atEnd(), "write batch: bytes after the last entry");
}

class BatchReader {
  readonly #buffer: Buffer;
  #offset = headerBytes;

  constructor(encoded: Uint8Array) {
    assert(encoded.length >= headerBytes, "write batch: shorter than its header");
    this.#buffer = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  }

  count(): number {
    return this.#buffer.readUInt32LE(countOffset);
  }

  atEnd(): boolean {
    return this.#offset === this.#buffer.length;
  }

  entry(): WriteBatchEntry {
    const tag = this.#byte();
    switch (tag) {
      case tags.put:
      case familyTags.put: {
        const family = tag === tags.put ? "default" : this.#family();
        return { type: "put", family, key: this.#bytes(), value: this.#bytes() };
      }
      case tags.delete:
      case familyTags.delete: {
        const family = tag === tags.delete ? "default" : this.#family();
        return { type: "delete", family, key: this.#bytes() };
      }
      case tags.deleteRange:
      case familyTags.deleteRange: {
        const family = tag === tags.deleteRange ? "default" : this.#family();
        return { type: "delete-range", family, from: this.#bytes(), to: this.#bytes() };
      }
      default:
        throw new AssertionError(`write batch: unknown tag ${tag}`);
    }
  }

  #family(): Family {
    const id = this.#varint();
    const family = families.find((name) => familyIds[name] === id);
    assert(family !== undefined, `write batch: unknown family id ${id}`);
    return family;
  }

  #byte(): number {
    const byte = this.#buffer[this.#offset++];
    assert(byte !== undefined, "write batch: cut short");
    return byte;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new AssertionError("write batch: a length of more than 32 bits");
  }

  #bytes(): Buffer {
    const length = this.#varint();
    const end = this.#offset + length;
    assert(end <= this.#buffer.length, "write batch: cut short");
    const bytes = this.#buffer.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }
}
