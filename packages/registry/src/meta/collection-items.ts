// What one look of the collector is about: the items it takes out of the queue, and what is stored of
// them. All is read before anything is written: many keys at once, and no scan has to lay the
// transaction's own writes over what it finds.

import type { Reader, Transaction } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import type { BlobOf } from "./blob-links.ts";
import {
  type BlobLinkRecord,
  type BlobRecord,
  decodeBlob,
  decodeBlobLink,
} from "./blob-records.ts";
import { type BlobUses, readBlobUses } from "./blob-uses.ts";
import { encodeWork, type WorkItem, type WorkRow } from "./collection-records.ts";
import { type ContentRecord, decodeContent } from "./content.ts";
import { getGroups } from "./groups.ts";
import { blobKey, blobLinkKey, contentKey, referencesRange } from "./keys.ts";

/**
 * Items of one transaction at most: of each one or two keys are read, a range is scanned, and three
 * keys are written, while requests wait.
 */
export const itemsTogetherMax = 64;

export interface TakenItem {
  readonly item: WorkItem;
  readonly row: WorkRow;
}

export interface Taken {
  readonly items: readonly TakenItem[];
  readonly rows: readonly WorkRow[];
  /** Items of the last row that were not taken. */
  readonly rest: readonly WorkItem[];
}

/** Up to `itemsMax` of the rows' items; those of a row that is gone have been taken before. */
export async function readItems(
  reader: Reader,
  rows: readonly WorkRow[],
  itemsMax: number,
): Promise<Taken> {
  const there = await reader.getMany(rows.map(({ key }) => key));
  const items: TakenItem[] = [];
  const taken: WorkRow[] = [];
  for (const row of rows.filter((_, index) => there[index] !== null)) {
    const room = itemsMax - items.length;
    items.push(...row.items.slice(0, room).map((item) => ({ item, row })));
    taken.push(row);
    if (row.items.length >= room) return { items, rows: taken, rest: row.items.slice(room) };
  }
  return { items, rows: taken, rest: [] };
}

/** The rows go, but for the rest of the last. */
export function takeItems(transaction: Transaction, { rows, rest }: Taken): void {
  for (const { key } of rows) transaction.delete(key);
  const last = rows.at(-1);
  if (last === undefined || rest.length === 0) return;
  transaction.put(last.key, encodeWork({ atMs: last.atMs, items: rest }));
}

/** What is stored of the items; what is not there is not in the maps. */
export interface Found {
  /** By `linkName`. */
  readonly links: ReadonlyMap<string, BlobLinkRecord>;
  /** Of links too: the blob of a link that goes may go itself. */
  readonly blobs: ReadonlyMap<Digest, BlobRecord>;
  readonly uses: ReadonlyMap<Digest, BlobUses>;
  readonly contents: ReadonlyMap<Digest, ContentRecord>;
  /** Of the contents those that a repository has. */
  readonly neededContents: ReadonlySet<Digest>;
}

export function linkName({ repository, digest }: BlobOf): string {
  return `${repository}@${digest}`;
}

export async function findItems(reader: Reader, items: readonly TakenItem[]): Promise<Found> {
  const linksOf = new Map<string, BlobOf>();
  const blobs = new Set<Digest>();
  const contents = new Set<Digest>();
  for (const { item } of items) {
    if (item.kind === "content") contents.add(item.digest);
    else blobs.add(item.digest);
    if (item.kind === "link") linksOf.set(linkName(item), item);
  }
  const values = await getGroups(reader, {
    links: [...linksOf.values()].map((of) => blobLinkKey(of.repository, of.digest)),
    blobs: [...blobs].map(blobKey),
    contents: [...contents].map(contentKey),
  });
  return {
    links: stored(linksOf.keys(), values.links, decodeBlobLink),
    blobs: stored(blobs, values.blobs, decodeBlob),
    uses: await readBlobUses(reader, blobs),
    contents: stored(contents, values.contents, decodeContent),
    neededContents: await readNeededContents(reader, contents),
  };
}

function stored<Name, Stored>(
  names: Iterable<Name>,
  values: readonly (Uint8Array | null)[],
  decode: (value: Uint8Array) => Stored,
): Map<Name, Stored> {
  const found = new Map<Name, Stored>();
  for (const [index, name] of [...names].entries()) {
    const value = values[index] ?? null;
    if (value !== null) found.set(name, decode(value));
  }
  return found;
}

async function readNeededContents(
  reader: Reader,
  digests: ReadonlySet<Digest>,
): Promise<Set<Digest>> {
  const needed = new Set<Digest>();
  for (const digest of digests) {
    const range = referencesRange(digest, "content", null);
    if ((await reader.scan(range, { limit: 1, keysOnly: true })).length > 0) needed.add(digest);
  }
  return needed;
}
