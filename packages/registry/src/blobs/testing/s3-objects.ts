// What a bucket of the test server holds, and what S3 says to each request on it. In memory.

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Clock } from "@sampan/env";

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Multipart {
  readonly key: string;
  readonly parts: Map<number, { readonly bytes: Buffer; readonly etag: string }>;
}

/** An error of S3: its status and its code. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}

const partBytesMin = 5 * 1024 * 1024;

export class Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly multiparts = new Map<string, Multipart>();
  readonly #clock: Clock;
  #multipartsMade = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(key: string, bytes: Buffer, metadata: Readonly<Record<string, string>>): StoredObject {
    const object = { bytes, etag: etagOf(bytes), modifiedMs: this.#clock.now(), metadata };
    this.objects.set(key, object);
    return object;
  }

  start(key: string): string {
    this.#multipartsMade += 1;
    const id = `multipart-${this.#multipartsMade}`;
    this.multiparts.set(id, { key, parts: new Map() });
    return id;
  }

  putPart(id: string, number: number, bytes: Buffer): string | Refusal {
    const multipart = this.multiparts.get(id);
    if (multipart === undefined) return noSuchUpload;
    if (!(number >= 1 && number <= 10_000)) return { status: 400, code: "InvalidArgument" };
    const etag = etagOf(bytes);
    multipart.parts.set(number, { bytes, etag });
    return etag;
  }

  /** The ETag of the object that the named parts make, in the order in which they are named. */
  complete(
    id: string,
    named: readonly { readonly number: number; readonly etag: string }[],
  ): string | Refusal {
    const multipart = this.multiparts.get(id);
    if (multipart === undefined) return noSuchUpload;
    const bytes: Buffer[] = [];
    for (const [index, { number, etag }] of named.entries()) {
      const part = multipart.parts.get(number);
      if (part?.etag !== etag) return { status: 400, code: "InvalidPart" };
      if (number <= (named[index - 1]?.number ?? 0)) {
        return { status: 400, code: "InvalidPartOrder" };
      }
      if (part.bytes.byteLength < partBytesMin && index < named.length - 1) {
        return { status: 400, code: "EntityTooSmall" };
      }
      bytes.push(part.bytes);
    }
    if (bytes.length === 0) return { status: 400, code: "MalformedXML" };
    this.multiparts.delete(id);
    return this.put(multipart.key, Buffer.concat(bytes), {}).etag;
  }

  abort(id: string): Refusal | null {
    return this.multiparts.delete(id) ? null : noSuchUpload;
  }

  keys(prefix: string, after: string, limit: number): { keys: string[]; more: boolean } {
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort();
    return { keys: keys.slice(0, limit), more: keys.length > limit };
  }
}

const noSuchUpload: Refusal = { status: 404, code: "NoSuchUpload" };

/** As the header of the request has it. */
export function crc32Of(bytes: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString("base64");
}

function etagOf(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
