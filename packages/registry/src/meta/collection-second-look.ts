// The collector's second look (core/collection.ts) at a few rows of work, in one transaction: it reads
// all it has to know, decides, and writes.
//
// Since the first look a push may have come at any moment. One that began before that was committed
// ended within `transactionAgeMsMax`: so long, and longer, the caller has waited. One that began
// later saw what is condemned and rewrote it, and so conflicts with this look.

import type { Result } from "@sampan/env";
import { assert, ok } from "@sampan/env";
import type { Store, Timestamp, Transaction } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { secondLook } from "../core/collection.ts";
import { type BlobOf, putLink } from "./blob-links.ts";
import { encodeBlob } from "./blob-records.ts";
import { isBlobNeeded, isNamedBy } from "./blob-uses.ts";
import {
  type Found,
  findItems,
  linkName,
  readItems,
  type TakenItem,
  takeItems,
} from "./collection-items.ts";
import type { WorkItem, WorkRow } from "./collection-records.ts";
import { encodeContent } from "./content.ts";
import { blobKey, blobLinkKey, contentKey, locationKey, outlineKey, referenceKey } from "./keys.ts";
import { findLocations } from "./locations.ts";
import { settle, type Unsettled } from "./outcome.ts";
import { live, type RecordState } from "./record-state.ts";

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
 * ago than any transaction lasts. Of more than `itemsMax` items the rest stays.
 */
export async function deleteCondemned(
  store: Store,
  rows: readonly WorkRow[],
  itemsMax: number,
): Promise<Result<Deleted, Unsettled>> {
  // Of all runs: one that may have been committed found more than the one that finds it done.
  const unnamed = new Set<BlobLocation>();
  let runs = 0;
  const settled = await settle<Omit<Deleted, "locations">, never>(store, async (transaction) => {
    runs += 1;
    const taken = await readItems(transaction, rows, itemsMax);
    const found = await findItems(transaction, taken.items);
    const verdicts = await verdictsOf(transaction, taken.items, found);
    takeItems(transaction, taken);
    const counts = { links: 0, blobs: 0, contents: 0, bytes: 0 };
    const sweep: Sweep = { transaction, found, counts, unnamed };
    for (const { item, verdict } of verdicts) {
      if (verdict === "revive") revive(sweep, item);
      if (verdict === "delete") remove(sweep, item);
    }
    return ok(counts);
  });
  if (!settled.ok) return settled;
  const locations = runs === 1 ? [...unnamed] : await withoutName(store, [...unnamed]);
  return ok({ ...settled.value, locations });
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

interface Judged {
  readonly item: WorkItem;
  readonly verdict: ReturnType<typeof secondLook>;
}

async function verdictsOf(
  transaction: Transaction,
  items: readonly TakenItem[],
  found: Found,
): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const { item, row } of items) {
    const state = stateOf(item, found);
    if (state === null) continue;
    const isSame = isCondemnedAt(state, row.startTs);
    // Asked only if it matters: a scan may hang on it.
    const isNeeded = isSame && (await isItemNeeded(transaction, item, found));
    const type = state.type === "live" ? "live" : "condemned";
    judged.push({ item, verdict: secondLook({ state: type, isSame, isNeeded }) });
  }
  return judged;
}

function stateOf(item: WorkItem, { links, blobs, contents }: Found): RecordState | null {
  const record =
    item.kind === "link"
      ? links.get(linkName(item))
      : (item.kind === "blob" ? blobs : contents).get(item.digest);
  return record?.state ?? null;
}

function isCondemnedAt(state: RecordState, startTs: Timestamp): boolean {
  return state.type !== "live" && state.atTs === startTs;
}

async function isItemNeeded(
  transaction: Transaction,
  item: WorkItem,
  found: Found,
): Promise<boolean> {
  const { digest } = item;
  if (item.kind === "content") return found.neededContents.has(digest);
  const uses = found.uses.get(digest);
  assert(uses !== undefined, "the uses of every item's blob are read");
  if (item.kind === "link") return isNamedBy(transaction, uses, item);
  return isBlobNeeded(transaction, uses, { digest, without: new Set() });
}

interface Sweep {
  readonly transaction: Transaction;
  readonly found: Found;
  readonly counts: { links: number; blobs: number; contents: number; bytes: number };
  readonly unnamed: Set<BlobLocation>;
}

function revive({ transaction, found }: Sweep, item: WorkItem): void {
  const { digest } = item;
  if (item.kind === "link") {
    const link = found.links.get(linkName(item));
    if (link !== undefined) putLink(transaction, item, { ...link, state: live });
  } else if (item.kind === "blob") {
    const blob = found.blobs.get(digest);
    if (blob !== undefined) transaction.put(blobKey(digest), encodeBlob({ ...blob, state: live }));
  } else {
    const content = found.contents.get(digest);
    if (content === undefined) return;
    transaction.put(contentKey(digest), encodeContent({ ...content, state: live }));
  }
}

function remove(sweep: Sweep, item: WorkItem): void {
  if (item.kind === "link") removeLink(sweep, item);
  else if (item.kind === "blob") removeBlob(sweep, item.digest);
  else removeContent(sweep, item.digest);
}

function removeLink({ transaction, counts }: Sweep, { repository, digest }: BlobOf): void {
  transaction.delete(blobLinkKey(repository, digest));
  transaction.delete(referenceKey(digest, "link", { repository, manifest: null }));
  counts.links += 1;
}

function removeBlob({ transaction, found, counts, unnamed }: Sweep, digest: Digest): void {
  const blob = found.blobs.get(digest);
  if (blob === undefined) return;
  transaction.delete(blobKey(digest));
  transaction.delete(locationKey(blob.location));
  unnamed.add(blob.location);
  counts.blobs += 1;
  counts.bytes += blob.bytes;
}

function removeContent({ transaction, found, counts, unnamed }: Sweep, digest: Digest): void {
  transaction.delete(contentKey(digest));
  transaction.delete(outlineKey(digest));
  counts.contents += 1;
  const content = found.contents.get(digest)?.content;
  if (content?.type !== "location") return;
  transaction.delete(locationKey(content.location));
  unnamed.add(content.location);
}
