// Deleting manifests and tags. Content and blobs stay: the collector takes what nothing refers to.

import type { Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Store, Transaction } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { createOutbox } from "../events/outbox.ts";
import { addWork } from "./collection-records.ts";
import { decodeOutline } from "./content.ts";
import {
  manifestKey,
  manifestTagKey,
  outlineKey,
  referenceKey,
  referrerKey,
  tagKey,
} from "./keys.ts";
import { decodeTag } from "./manifest-records.ts";
import type { Attempt, Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import { listTagsOf } from "./tags.ts";

export interface ManifestDeletion {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Tags that go in the transaction that removes their manifest; more go before, in pages. */
const tagsTogetherMax = 256;

/**
 * Removes the manifest from the repository, with its tags, its references and its entry among the
 * referrers of its subject. An index's children stay. One transaction, unless it has hundreds of
 * tags: those go first, a page at a time, each with its own event.
 */
export async function deleteManifest(
  store: Store,
  what: ManifestDeletion,
): Promise<Result<null, { readonly code: "manifest-unknown" } | Unsettled>> {
  for (;;) {
    const step = await settle(store, (transaction, attempt) =>
      deleteStep(transaction, what, attempt),
    );
    if (!step.ok) return step;
    if (step.value.done) return ok(null);
  }
}

async function deleteStep(
  transaction: Transaction,
  what: ManifestDeletion,
  attempt: Attempt,
): Promise<Result<{ readonly done: boolean }, { readonly code: "manifest-unknown" }>> {
  const { repository, digest } = what;
  const keys = [manifestKey(repository, digest), outlineKey(digest)];
  const [link = null, outline = null] = await transaction.getMany(keys);
  if (link === null)
    return attempt.mayBeDone ? ok({ done: true }) : err({ code: "manifest-unknown" });
  const limit = tagsTogetherMax + 1;
  const tags = await listTagsOf(transaction, repository, { digest, limit });
  for (const tag of tags) removeTag(transaction, { repository, digest, tag });
  const outbox = createOutbox(transaction, { actor: what.actor, occurredMs: what.nowMs });
  if (tags.length === limit) {
    for (const tag of tags) outbox.add({ type: "tag.deleted", repository, digest, tag });
    return ok({ done: false });
  }
  if (outline === null)
    throw new IoError("corrupt", `the outline of manifest ${digest} is missing`);
  unlinkManifest(transaction, what, outline);
  outbox.add({ type: "artifact.deleted", repository, digest, tags });
  return ok({ done: true });
}

function unlinkManifest(
  transaction: Transaction,
  { repository, digest, nowMs }: ManifestDeletion,
  outlineValue: Uint8Array,
): void {
  const { subject, blobs, children } = decodeOutline(outlineValue);
  const by = { repository, manifest: digest };
  const links = blobs.map((blob) => ({ kind: "link", repository, digest: blob }) as const);
  const items = [{ kind: "content", digest } as const, ...links];
  addWork(transaction, "freed", { atMs: nowMs, items });
  for (const blob of blobs) transaction.delete(referenceKey(blob, "blob", by));
  for (const child of children) transaction.delete(referenceKey(child, "child", by));
  transaction.delete(referenceKey(digest, "content", { repository, manifest: null }));
  if (subject !== null) transaction.delete(referrerKey(repository, subject, digest));
  transaction.delete(manifestKey(repository, digest));
}

interface TagOf {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tag: Tag;
}

function removeTag(transaction: Transaction, { repository, digest, tag }: TagOf): void {
  transaction.delete(tagKey(repository, tag));
  transaction.delete(manifestTagKey(repository, digest, tag));
}

export interface TagDeletion {
  readonly repository: RepositoryName;
  readonly tag: Tag;
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Removes the tag alone; the manifest stays. */
export function deleteTag(
  store: Store,
  what: TagDeletion,
): Promise<Result<null, { readonly code: "tag-unknown" } | Unsettled>> {
  const { repository, tag, actor, nowMs } = what;
  return settle(store, async (transaction, attempt) => {
    const value = await transaction.get(tagKey(repository, tag));
    if (value === null && attempt.mayBeDone) return ok(null);
    if (value === null) return err({ code: "tag-unknown" as const });
    const { digest } = decodeTag(value);
    removeTag(transaction, { repository, digest, tag });
    createOutbox(transaction, { actor, occurredMs: nowMs }).add({
      type: "tag.deleted",
      repository,
      digest,
      tag,
    });
    return ok(null);
  });
}
