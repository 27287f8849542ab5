// The collector's two looks (core/collection.ts), each one transaction over a few rows of work.
//
// Between them a push may come at any moment. One that began before the first look was committed
// ends within `transactionAgeMsMax`: so long, and longer, the caller waits. One that began later
// sees what is condemned and rewrites it, and so conflicts with the second look.

import type { Result } from "@sampan/env";
import { ok } from "@sampan/env";
import type { Store, Timestamp, Transaction } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { secondLook, shouldCondemn } from "../core/collection.ts";
import { isNamed, putLink } from "./blob-links.ts";
import { type BlobRecord, decodeBlob, decodeBlobLink, encodeBlob } from "./blob-records.ts";
import { addWork, encodeWork, type WorkItem, type WorkRow } from "./collection-records.ts";
import { decodeContent, encodeContent } from "./content.ts";
import {
  blobKey,
  blobLinkKey,
  contentKey,
  keyAfter,
  locationKey,
  outlineKey,
  referenceKey,
  referencesRange,
} from "./keys.ts";
import { findLocations } from "./locations.ts";
import { settle, type Unsettled } from "./outcome.ts";
import { live, type RecordState } from "./record-state.ts";

/** Items of one transaction at most: a few keys are read for each, and three written. */
export const itemsTogetherMax = 256;

/**
 * Looks at what work of the stages `freed` and `linked` speaks of and condemns what nothing needs;
 * that is noted for the second look, at `nowMs` of the wall clock. The rows are done then; of a longer
 * row so many items.
 */
export function condemnUnneeded(
  store: Store,
  rows: readonly WorkRow[],
  look: { readonly nowMs: number; readonly itemsMax: number },
): Promise<Result<{ readonly condemned: number }, Unsettled>> {
  return settle<{ readonly condemned: number }, never>(store, async (transaction) => {
    const condemned: WorkItem[] = [];
    for (const { item, row } of await takeItems(transaction, rows, look.itemsMax)) {
      if (item.kind === "link") await condemnLink(transaction, { item, row, condemned });
      else if (item.kind === "blob") await condemnBlob(transaction, item.digest, condemned);
      else await condemnContent(transaction, item.digest, condemned);
    }
    addWork(transaction, "condemned", { atMs: look.nowMs, items: condemned });
    return ok({ condemned: condemned.length });
  });
}

function putRest(transaction: Transaction, row: WorkRow, items: readonly WorkItem[]): void {
  transaction.put(row.key, encodeWork({ atMs: row.atMs, items }));
}

/**
 * Takes up to `itemsMax` of the rows' items out of the store, and leaves the rest where it is; those of
 * a row that is gone have been taken before.
 */
async function takeItems(
  transaction: Transaction,
  rows: readonly WorkRow[],
  itemsMax: number,
): Promise<readonly { readonly item: WorkItem; readonly row: WorkRow }[]> {
  const there = await transaction.getMany(rows.map(({ key }) => key));
  const items: { readonly item: WorkItem; readonly row: WorkRow }[] = [];
  for (const [index, row] of rows.entries()) {
    if (there[index] === null) continue;
    const room = itemsMax - items.length;
    items.push(...row.items.slice(0, room).map((item) => ({ item, row })));
    const rest = row.items.slice(room);
    if (rest.length === 0) transaction.delete(row.key);
    else putRest(transaction, row, rest);
    if (rest.length > 0) break;
  }
  return items;
}

interface LinkLook {
  readonly item: Extract<WorkItem, { readonly kind: "link" }>;
  readonly row: WorkRow;
  readonly condemned: WorkItem[];
}

/** And the blob, which may have lost its last link. */
async function condemnLink(
  transaction: Transaction,
  { item, row, condemned }: LinkLook,
): Promise<void> {
  const of = { repository: item.repository, digest: item.digest };
  const value = await transaction.get(blobLinkKey(of.repository, of.digest));
  if (value === null) return;
  const link = decodeBlobLink(value);
  // What was condemned before is noted for its second look, but for what a client condemned.
  const isNoted = link.state.type === "unused" || row.stage === "linked";
  const found = {
    state: link.state.type !== "live" && isNoted ? "condemned" : "live",
    isNeeded: await isNamed(transaction, of),
    isYoung: link.linkedMs > row.atMs,
  } as const;
  if (!shouldCondemn(found)) return;
  // Marked anew if a client had condemned it: the second look is for this moment.
  const type = link.state.type === "condemned" ? "condemned" : "unused";
  putLink(transaction, of, { ...link, state: { type, atTs: transaction.startTs } });
  condemned.push(item);
  await condemnBlob(transaction, item.digest, condemned);
}

async function condemnBlob(
  transaction: Transaction,
  digest: Digest,
  condemned: WorkItem[],
): Promise<void> {
  const value = await transaction.get(blobKey(digest));
  if (value === null) return;
  const blob = decodeBlob(value);
  const state = blob.state.type === "live" ? "live" : "condemned";
  if (state === "condemned") return;
  const isNeeded = await isBlobNeeded(transaction, digest);
  if (!shouldCondemn({ state, isNeeded, isYoung: false })) return;
  transaction.put(blobKey(digest), encodeBlob({ ...blob, state: condemnedNow(transaction) }));
  condemned.push({ kind: "blob", digest });
}

async function condemnContent(
  transaction: Transaction,
  digest: Digest,
  condemned: WorkItem[],
): Promise<void> {
  const value = await transaction.get(contentKey(digest));
  if (value === null) return;
  const content = decodeContent(value);
  const state = content.state.type === "live" ? "live" : "condemned";
  const isNeeded = await isContentNeeded(transaction, digest);
  if (!shouldCondemn({ state, isNeeded, isYoung: false })) return;
  const record = { ...content, state: condemnedNow(transaction) };
  transaction.put(contentKey(digest), encodeContent(record));
  condemned.push({ kind: "content", digest });
}

function condemnedNow(transaction: Transaction): RecordState {
  return { type: "condemned", atTs: transaction.startTs };
}

/** By a manifest of whatever repository, or by a link that is live. */
async function isBlobNeeded(transaction: Transaction, digest: Digest): Promise<boolean> {
  const named = referencesRange(digest, "blob", null);
  if ((await transaction.scan(named, { limit: 1, keysOnly: true })).length > 0) return true;
  let links = referencesRange(digest, "link", null);
  for (;;) {
    const page = await transaction.scan(links, { limit: linksPage });
    if (page.some(({ value }) => decodeBlobLink(value).state.type === "live")) return true;
    const last = page.at(-1);
    if (last === undefined || page.length < linksPage) return false;
    links = { ...links, start: keyAfter(last.key) };
  }
}

const linksPage = 64;

async function isContentNeeded(transaction: Transaction, digest: Digest): Promise<boolean> {
  const range = referencesRange(digest, "content", null);
  return (await transaction.scan(range, { limit: 1, keysOnly: true })).length > 0;
}

export interface Deleted {
  readonly links: number;
  readonly blobs: number;
  readonly contents: number;
  /** Of the blobs. */
  readonly bytes: number;
  /** No record names them any more: the caller deletes what lies there. */
  readonly locations: readonly BlobLocation[];
}

/**
 * The second look at what work of the stage `condemned` speaks of: what is still not needed is
 * deleted, what a push under way has come to need is live again. The caller has seen the rows longer
 * ago than any transaction lasts.
 */
export async function deleteCondemned(
  store: Store,
  rows: readonly WorkRow[],
  itemsMax: number,
): Promise<Result<Deleted, Unsettled>> {
  // Of all runs: one that may have been committed found more than the one that finds it done.
  const unnamed = new Set<BlobLocation>();
  const settled = await settle<Omit<Deleted, "locations">, never>(store, async (transaction) => {
    const counts = { links: 0, blobs: 0, contents: 0, bytes: 0 };
    const sweep: Sweep = { transaction, counts, unnamed };
    for (const { item, row } of await takeItems(transaction, rows, itemsMax)) {
      const { startTs } = row;
      if (item.kind === "link") await deleteLink(sweep, item, startTs);
      else if (item.kind === "blob") await deleteBlob(sweep, item.digest, startTs);
      else await deleteContent(sweep, item.digest, startTs);
    }
    return ok(counts);
  });
  if (!settled.ok) return settled;
  return ok({ ...settled.value, locations: await withoutName(store, [...unnamed]) });
}

/** A run that lost to a push has unnamed nothing. A location that has no name never gets one again. */
async function withoutName(
  store: Store,
  locations: readonly BlobLocation[],
): Promise<readonly BlobLocation[]> {
  const snapshot = await store.snapshot();
  try {
    const owners = await findLocations(snapshot, locations);
    return locations.filter((_, index) => owners[index] === null);
  } finally {
    snapshot.release();
  }
}

interface Sweep {
  readonly transaction: Transaction;
  readonly counts: { links: number; blobs: number; contents: number; bytes: number };
  readonly unnamed: Set<BlobLocation>;
}

async function deleteLink(
  { transaction, counts }: Sweep,
  item: Extract<WorkItem, { readonly kind: "link" }>,
  startTs: Timestamp,
): Promise<void> {
  const of = { repository: item.repository, digest: item.digest };
  const key = blobLinkKey(of.repository, of.digest);
  const value = await transaction.get(key);
  if (value === null) return;
  const link = decodeBlobLink(value);
  const verdict = secondLook(await found(link.state, startTs, () => isNamed(transaction, of)));
  if (verdict === "revive") putLink(transaction, of, { ...link, state: live });
  if (verdict !== "delete") return;
  transaction.delete(key);
  const by = { repository: of.repository, manifest: null };
  transaction.delete(referenceKey(of.digest, "link", by));
  counts.links += 1;
}

async function deleteBlob(sweep: Sweep, digest: Digest, startTs: Timestamp): Promise<void> {
  const { transaction, counts, unnamed } = sweep;
  const value = await transaction.get(blobKey(digest));
  if (value === null) return;
  const blob: BlobRecord = decodeBlob(value);
  const isNeeded = () => isBlobNeeded(transaction, digest);
  const verdict = secondLook(await found(blob.state, startTs, isNeeded));
  if (verdict === "revive") transaction.put(blobKey(digest), encodeBlob({ ...blob, state: live }));
  if (verdict !== "delete") return;
  transaction.delete(blobKey(digest));
  transaction.delete(locationKey(blob.location));
  unnamed.add(blob.location);
  counts.blobs += 1;
  counts.bytes += blob.bytes;
}

async function deleteContent(sweep: Sweep, digest: Digest, startTs: Timestamp): Promise<void> {
  const { transaction, counts, unnamed } = sweep;
  const value = await transaction.get(contentKey(digest));
  if (value === null) return;
  const record = decodeContent(value);
  const isNeeded = () => isContentNeeded(transaction, digest);
  const verdict = secondLook(await found(record.state, startTs, isNeeded));
  if (verdict === "revive") {
    transaction.put(contentKey(digest), encodeContent({ ...record, state: live }));
  }
  if (verdict !== "delete") return;
  transaction.delete(contentKey(digest));
  transaction.delete(outlineKey(digest));
  counts.contents += 1;
  if (record.content.type !== "location") return;
  transaction.delete(locationKey(record.content.location));
  unnamed.add(record.content.location);
}

async function found(state: RecordState, startTs: Timestamp, isNeeded: () => Promise<boolean>) {
  if (state.type === "live") return { state: "live", isSame: false, isNeeded: true } as const;
  const isSame = state.atTs === startTs;
  return { state: "condemned", isSame, isNeeded: await isNeeded() } as const;
}
