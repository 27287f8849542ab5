// The collector's work, in the order in which it came up. A transaction that takes a reference away,
// or makes a link that nothing needs yet, notes what to look at; so no pass over everything is ever
// made.
//
//   work   version ‖ atMs:varint ‖ count:varint ‖ item*
//   item   1 ‖ repository:text ‖ digest     the repository's link to the blob, then the blob
//          2 ‖ digest                       the blob
//          3 ‖ digest                       the manifest's content

import type { Entry, Range, Reader, Timestamp, Transaction } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import type { CollectableKind } from "../core/collection.ts";
import { type CollectionStage, collectionKey, collectionRange, keyAfter, readKey } from "./keys.ts";
import { RecordReader, RecordWriter } from "./record-bytes.ts";

const workVersion = 1;

const itemNumbers = { link: 1, blob: 2, content: 3 } as const;

export type WorkItem =
  | { readonly kind: "link"; readonly repository: RepositoryName; readonly digest: Digest }
  | { readonly kind: "blob" | "content"; readonly digest: Digest };

export interface WorkRow {
  readonly key: Uint8Array;
  readonly stage: CollectionStage;
  /** Start of the transaction that noted it. */
  readonly startTs: Timestamp;
  /** Wall clock of that transaction, milliseconds since the epoch. */
  readonly atMs: number;
  readonly items: readonly WorkItem[];
}

/** Notes work; at most once per stage in a transaction. */
export function addWork(
  transaction: Transaction,
  stage: CollectionStage,
  work: { readonly atMs: number; readonly items: readonly WorkItem[] },
): void {
  if (work.items.length === 0) return;
  transaction.put(collectionKey(stage, transaction.startTs), encodeWork(work));
}

/** Up to `limit` rows behind the key `after`, to `through` if that is given, the oldest first. */
export async function listWork(
  reader: Reader,
  stage: CollectionStage,
  page: {
    readonly after: Uint8Array | null;
    readonly through?: Uint8Array | null;
    readonly limit: number;
  },
): Promise<WorkRow[]> {
  const { after, through = null } = page;
  const all: Range = collectionRange(stage, after);
  const range = through === null ? all : { ...all, end: keyAfter(through) };
  return (await reader.scan(range, { limit: page.limit })).map((entry) => decodeWork(stage, entry));
}

/** The keys of up to `limit` rows behind the key `after`. */
export async function listWorkKeys(
  reader: Reader,
  stage: CollectionStage,
  page: { readonly after: Uint8Array | null; readonly limit: number },
): Promise<Uint8Array[]> {
  const range: Range = collectionRange(stage, page.after);
  const options = { limit: page.limit, keysOnly: true };
  return (await reader.scan(range, options)).map(({ key }) => key);
}

/** The rows of those keys that are there. */
export async function readWork(
  reader: Reader,
  stage: CollectionStage,
  keys: readonly Uint8Array[],
): Promise<WorkRow[]> {
  const values = await reader.getMany(keys);
  return keys.flatMap((key, index) => {
    const value = values[index] ?? null;
    return value === null ? [] : [decodeWork(stage, { key, value })];
  });
}

export function encodeWork(work: Pick<WorkRow, "atMs" | "items">): Uint8Array {
  const writer = new RecordWriter(workVersion);
  writer.varint(work.atMs);
  writer.varint(work.items.length);
  for (const item of work.items) {
    writer.u8(itemNumbers[item.kind]);
    if (item.kind === "link") writer.text(item.repository);
    writer.digest(item.digest);
  }
  return writer.finish();
}

function decodeWork(stage: CollectionStage, { key, value }: Entry): WorkRow {
  const segments = readKey(key);
  segments.u8();
  const startTs = segments.u64();
  const reader = new RecordReader(value, workVersion);
  const atMs = reader.varint();
  const items = Array.from({ length: reader.varint() }, () => readItem(reader));
  return { key, stage, startTs, atMs, items };
}

function readItem(reader: RecordReader): WorkItem {
  const number = reader.u8();
  if (number === itemNumbers.link) {
    const repository = reader.text() as RepositoryName;
    return { kind: "link", repository, digest: reader.digest() };
  }
  const kind: Exclude<CollectableKind, "link"> = number === itemNumbers.blob ? "blob" : "content";
  return { kind, digest: reader.digest() };
}
