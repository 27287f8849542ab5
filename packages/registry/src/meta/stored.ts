// All that is stored, record by record: blobs, then manifests' contents. For the check of the store.

import type { Entry, Key, Range, Reader } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import { decodeBlob } from "./blob-records.ts";
import { decodeContent } from "./content.ts";
import { contentsRange, keyAfter, keyPrefixes, readKey, storedBlobsRange } from "./keys.ts";
import type { ManifestContent } from "./manifests.ts";

export interface StoredRecord {
  readonly kind: "blob" | "manifest";
  readonly digest: Digest;
  /** Where its bytes are. */
  readonly content: ManifestContent;
  /** What the record says; of a manifest at a location the record says nothing: 0. */
  readonly bytes: number;
  /** Opaque: where a later listing goes on behind it. */
  readonly position: string;
}

export type StoredPage = {
  /** Up to so many records. */
  readonly limit: number;
} & (
  | { readonly after: string | null }
  /** From that record on, itself included. */
  | { readonly at: string }
);

/** A position is from outside: any text is some place in the order. */
export async function listStored(reader: Reader, page: StoredPage): Promise<StoredRecord[]> {
  const start =
    "at" in page ? keyAt(page.at) : page.after === null ? null : keyAfter(keyAt(page.after));
  const records: StoredRecord[] = [];
  for (const range of [storedBlobsRange(), contentsRange()]) {
    const limit = page.limit - records.length;
    const from = startingAt(range, start);
    if (limit === 0 || from === null) continue;
    records.push(...(await reader.scan(from, { limit })).map(storedRecord));
  }
  return records;
}

function startingAt(range: Range, start: Key | null): Range | null {
  if (start === null || Buffer.compare(start, range.start) <= 0) return range;
  const isBehind = range.end !== null && Buffer.compare(start, range.end) >= 0;
  return isBehind ? null : { ...range, start };
}

const positionCharsMax = 256;

function keyAt(position: string): Key {
  return Buffer.from(position.slice(0, positionCharsMax), "base64url");
}

function storedRecord({ key, value }: Entry): StoredRecord {
  const position = Buffer.from(key).toString("base64url");
  const digest = readKey(key).digest();
  const isBlob = Buffer.from(key).toString("latin1").startsWith(keyPrefixes.blob);
  if (isBlob) {
    const { location, bytes } = decodeBlob(value);
    return { kind: "blob", digest, content: { type: "location", location }, bytes, position };
  }
  const { content } = decodeContent(value);
  const bytes = content.type === "inline" ? content.bytes.length : 0;
  return { kind: "manifest", digest, content, bytes, position };
}
