// The collector's first look (core/collection.ts) at a few rows of work, in one transaction: it reads
// all it has to know, decides, and writes.

import type { Result } from "@sampan/env";
import { assert, ok } from "@sampan/env";
import type { Store, Transaction } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import { shouldCondemn } from "../core/collection.ts";
import { type BlobOf, putLink } from "./blob-links.ts";
import { type BlobLinkRecord, type BlobRecord, encodeBlob } from "./blob-records.ts";
import { isBlobNeeded, isNamedBy } from "./blob-uses.ts";
import {
  type Found,
  findItems,
  linkName,
  readItems,
  type TakenItem,
  takeItems,
} from "./collection-items.ts";
import { addWork, type WorkItem, type WorkRow } from "./collection-records.ts";
import { type ContentRecord, encodeContent } from "./content.ts";
import { blobKey, contentKey } from "./keys.ts";
import { settle, type Unsettled } from "./outcome.ts";
import type { RecordState } from "./record-state.ts";

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
    const taken = await readItems(transaction, rows, look.itemsMax);
    const found = await findItems(transaction, taken.items);
    const links = await linksToCondemn(transaction, taken.items, found);
    const blobs = await blobsToCondemn(transaction, { items: taken.items, found, links });
    const contents = contentsToCondemn(found);
    takeItems(transaction, taken);
    const items = condemn(transaction, { links, blobs, contents });
    addWork(transaction, "condemned", { atMs: look.nowMs, items });
    return ok({ condemned: items.length });
  });
}

interface FoundLink {
  readonly of: BlobOf;
  readonly link: BlobLinkRecord;
}

/** By their names. */
async function linksToCondemn(
  transaction: Transaction,
  items: readonly TakenItem[],
  { links, uses }: Found,
): Promise<Map<string, FoundLink>> {
  const chosen = new Map<string, FoundLink>();
  for (const { item, row } of items) {
    if (item.kind !== "link" || chosen.has(linkName(item))) continue;
    const link = links.get(linkName(item));
    const blobUses = uses.get(item.digest);
    if (link === undefined) continue;
    assert(blobUses !== undefined, "the uses of every item's blob are read");
    // What was condemned before is noted for its second look, but for what a client condemned.
    const isNoted = link.state.type === "unused" || row.stage === "linked";
    const found = {
      state: link.state.type !== "live" && isNoted ? "condemned" : "live",
      isNeeded: await isNamedBy(transaction, blobUses, item),
      isYoung: link.linkedMs > row.atMs,
    } as const;
    if (shouldCondemn(found)) chosen.set(linkName(item), { of: item, link });
  }
  return chosen;
}

/** Of what items speak of, and of what may have lost its last link to this look. */
async function blobsToCondemn(
  transaction: Transaction,
  look: {
    readonly items: readonly TakenItem[];
    readonly found: Found;
    readonly links: ReadonlyMap<string, FoundLink>;
  },
): Promise<Map<Digest, BlobRecord>> {
  const unlinked = new Map<Digest, Set<RepositoryName>>();
  for (const { item } of look.items) if (item.kind === "blob") unlinked.set(item.digest, new Set());
  for (const { of } of look.links.values()) {
    const repositories = unlinked.get(of.digest) ?? new Set();
    unlinked.set(of.digest, repositories.add(of.repository));
  }
  const chosen = new Map<Digest, BlobRecord>();
  for (const [digest, without] of unlinked) {
    const blob = look.found.blobs.get(digest);
    const uses = look.found.uses.get(digest);
    if (blob?.state.type !== "live") continue;
    assert(uses !== undefined, "the uses of every item's blob are read");
    const isNeeded = await isBlobNeeded(transaction, uses, { digest, without });
    if (shouldCondemn({ state: "live", isNeeded, isYoung: false })) chosen.set(digest, blob);
  }
  return chosen;
}

function contentsToCondemn({ contents, neededContents }: Found): Map<Digest, ContentRecord> {
  const chosen = new Map<Digest, ContentRecord>();
  for (const [digest, content] of contents) {
    const state = content.state.type === "live" ? "live" : "condemned";
    const isNeeded = neededContents.has(digest);
    if (shouldCondemn({ state, isNeeded, isYoung: false })) chosen.set(digest, content);
  }
  return chosen;
}

interface Chosen {
  readonly links: ReadonlyMap<string, FoundLink>;
  readonly blobs: ReadonlyMap<Digest, BlobRecord>;
  readonly contents: ReadonlyMap<Digest, ContentRecord>;
}

/** What the second look is to look at. */
function condemn(transaction: Transaction, { links, blobs, contents }: Chosen): WorkItem[] {
  const items: WorkItem[] = [];
  const atTs = transaction.startTs;
  for (const { of, link } of links.values()) {
    // Marked anew if a client had condemned it: the second look is for this moment.
    const type = link.state.type === "condemned" ? "condemned" : "unused";
    putLink(transaction, of, { ...link, state: { type, atTs } });
    items.push({ kind: "link", repository: of.repository, digest: of.digest });
  }
  const state: RecordState = { type: "condemned", atTs };
  for (const [digest, blob] of blobs) {
    transaction.put(blobKey(digest), encodeBlob({ ...blob, state }));
    items.push({ kind: "blob", digest });
  }
  for (const [digest, content] of contents) {
    transaction.put(contentKey(digest), encodeContent({ ...content, state }));
    items.push({ kind: "content", digest });
  }
  return items;
}
