// Pushing a manifest: one transaction, so that either all of it is visible or nothing.
//
// What a push reads and does not write could change under it (snapshot isolation). Where that
// matters:
// - its own manifest link is locked when it is there already, against a deletion of the manifest;
// - the project is locked when the repository is new, against a deletion of the project;
// - blobs and content that are condemned are rewritten, against the collector;
// - blob links and an existing repository are only read: their deletion is made to wait instead
//   (blob-links.ts, repositories.ts), so that pushes into one repository do not conflict.

import type { Result } from "@sampan/env";
import { assert, err, ok } from "@sampan/env";
import type { Key, Store, Transaction } from "@sampan/kv/txn";
import type { Digest, Manifest, RepositoryName, Tag } from "@sampan/oci/model";
import { referrerArtifactType, requiredBlobs, requiredManifests } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { ProjectName } from "../core/project-name.ts";
import { projectOf } from "../core/project-name.ts";
import { createOutbox } from "../events/outbox.ts";
import { linkCounts, putLink, rescueBlob } from "./blob-links.ts";
import { decodeBlob, decodeBlobLink } from "./blob-records.ts";
import type { Outline } from "./content.ts";
import { decodeContent, encodeContent, encodeOutline, outlineOf } from "./content.ts";
import type { Values } from "./groups.ts";
import { getGroups } from "./groups.ts";
import {
  blobKey,
  blobLinkKey,
  contentKey,
  locationKey,
  manifestKey,
  manifestTagKey,
  outlineKey,
  projectKey,
  referenceKey,
  referrerKey,
  repositoryKey,
  tagKey,
} from "./keys.ts";
import { encodeLocation } from "./locations.ts";
import { decodeManifest, decodeTag, encodeManifest, encodeTag } from "./manifest-records.ts";
import type { ManifestContent } from "./manifests.ts";
import { manifestInlineBytesMax } from "./manifests.ts";
import type { Attempt, Unsettled } from "./outcome.ts";
import { settle, unlessDone } from "./outcome.ts";
import { live } from "./record-state.ts";
import { encodeReferrer, referrerBytesMax } from "./referrers.ts";
import { decodeRepository, encodeRepository } from "./repositories.ts";

export interface ManifestPush {
  readonly repository: RepositoryName;
  /** Tags that shall point at it; none when it was pushed by digest. At most `pushTagsMax`. */
  readonly tags: readonly Tag[];
  /** Verified against the bytes by the caller. */
  readonly digest: Digest;
  readonly manifest: Manifest;
  /** Size of the content, in bytes. */
  readonly bytes: number;
  /** Inline up to `manifestInlineBytesMax`, else at a location where it is committed (durable). */
  readonly content: ManifestContent;
  /** The children of an index need not be in the repository (a sparse index). Absent: they must. */
  readonly sparse?: boolean;
  /** Who pushes, for the audit: a user's name, or `anonymous`. */
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Tags of one push (the `tag` parameters of a PUT by digest). */
export const pushTagsMax = 64;

export interface PushedManifest {
  /** Goes into `OCI-Subject`; it need not exist. */
  readonly subject: Digest | null;
  /** The content was there already, at another location: delete these bytes. */
  readonly surplus: BlobLocation | null;
}

export type ManifestPushFailure =
  /** Config, layers or children that are not in the repository; foreign layers may be absent. */
  | { readonly code: "manifest-blob-unknown"; readonly digests: readonly Digest[] }
  /** A descriptor gives a size, in bytes, that is not that of what is stored. */
  | ({ readonly code: "size-mismatch" } & SizeMismatch)
  /** The name's first component is not a project, or there is none. */
  | { readonly code: "project-unknown" }
  /** A referrer's annotations are more than a list of referrers can carry. */
  | { readonly code: "annotations-too-large" };

export interface SizeMismatch {
  readonly digest: Digest;
  readonly claimed: number;
  readonly stored: number;
}

/**
 * Links the manifest into the repository, creating the repository's record with its first manifest,
 * and points the tags at it. Pushing again what is there changes nothing and succeeds. No record
 * names the content's location after a failure other than `undetermined`.
 */
export async function putManifest(
  store: Store,
  push: ManifestPush,
): Promise<Result<PushedManifest, ManifestPushFailure | Unsettled>> {
  assert(push.tags.length <= pushTagsMax, "the caller bounds the tags of a push");
  assert(
    push.content.type === "location" || push.content.bytes.length <= manifestInlineBytesMax,
    "the caller puts a large manifest into the blob store",
  );
  const project = projectOf(push.repository);
  if (project === null) return err({ code: "project-unknown" });
  const outline = outlineOf(push.manifest);
  const referrer = outline.subject === null ? null : encodeReferrer(push.manifest, push.bytes);
  if (referrer !== null && referrer.length > referrerBytesMax) {
    return err({ code: "annotations-too-large" });
  }
  const plan: Plan = {
    push: { ...push, tags: [...new Set(push.tags)] },
    project,
    outline,
    referrer,
    met: { linked: false },
  };
  return settle(store, async (transaction, attempt) =>
    unlessDone(await runPush(transaction, plan, attempt), attempt),
  );
}

interface Plan {
  readonly push: ManifestPush;
  readonly project: ProjectName;
  readonly outline: Outline;
  /** The record of the referrer that the manifest is; null without a subject. */
  readonly referrer: Uint8Array | null;
  /** What the last run met: it only tells the next one for what to wait in line. */
  readonly met: { linked: boolean };
}

/** What others push at the same time: this manifest, or a first one; and the tags. */
function contestedKeys({ push, project, met }: Plan): Key[] {
  const first = met.linked ? manifestKey(push.repository, push.digest) : projectKey(project);
  return [first, ...push.tags.map((tag) => tagKey(push.repository, tag)).sort(Buffer.compare)];
}

async function runPush(
  transaction: Transaction,
  plan: Plan,
  attempt: Attempt,
): Promise<Result<PushedManifest, ManifestPushFailure | { readonly code: "undetermined" }>> {
  const { push, outline } = plan;
  if (attempt.hot) await transaction.lock(contestedKeys(plan), { hot: true });
  const seen = await readPush(transaction, plan);
  if (seen.project[0] === null) return err({ code: "project-unknown" });
  const missing = await missingDigests(transaction, plan, seen);
  if (missing.length > 0) return err({ code: "manifest-blob-unknown", digests: missing });
  const mismatch = sizeMismatch(plan, seen);
  if (mismatch !== null) return err({ code: "size-mismatch", ...mismatch });

  // An earlier run may have been committed, and all of it deleted since, the bytes with it.
  const mayBeFreed = attempt.mayBeDone && push.content.type === "location";
  if (mayBeFreed && seen.content[0] === null) return err({ code: "undetermined" });
  rescueBlobs(transaction, outline.blobs, seen.blobs);
  rescueLinks(transaction, plan, seen.links);
  const surplus = putContent(transaction, plan, seen.content[0] ?? null);
  const linked = seen.manifest[0] !== null;
  plan.met.linked = linked;
  if (!linked) {
    await createRepository(transaction, plan, seen.repository[0] ?? null);
    linkManifest(transaction, plan, seen.children);
  }
  const moved = moveTags(transaction, push, seen.tags);
  if (linked && moved.length > 0) {
    await transaction.lock([manifestKey(push.repository, push.digest)]);
  }
  if (!linked || moved.length > 0) addEvent(transaction, push, moved);
  return ok({ subject: outline.subject, surplus });
}

type Seen = Awaited<ReturnType<typeof readPush>>;

function readPush(transaction: Transaction, { push, project, outline }: Plan) {
  const { repository, digest } = push;
  return getGroups(transaction, {
    project: [projectKey(project)],
    repository: [repositoryKey(repository)],
    manifest: [manifestKey(repository, digest)],
    content: [contentKey(digest)],
    tags: push.tags.map((tag) => tagKey(repository, tag)),
    links: outline.blobs.map((blob) => blobLinkKey(repository, blob)),
    blobs: outline.blobs.map((blob) => blobKey(blob)),
    children: outline.children.map((child) => manifestKey(repository, child)),
  });
}

async function missingDigests(
  transaction: Transaction,
  { push, outline }: Plan,
  seen: Seen,
): Promise<Digest[]> {
  const absent = outline.children.filter((_, index) => seen.children[index] === null);
  const missing = push.sparse === true ? [] : absent;
  for (const [index, digest] of outline.blobs.entries()) {
    const link = seen.links[index] ?? null;
    const of = { repository: push.repository, digest };
    const there = link !== null && seen.blobs[index] !== null;
    const counts = there && (isUnused(link) || (await linkCounts(transaction, link, of)));
    if (!counts) missing.push(digest);
  }
  return missing;
}

/** The first there is; what is named is there. A digest may be named more than once. */
function sizeMismatch({ push, outline }: Plan, seen: Seen): SizeMismatch | null {
  const sizes = new Map<Digest, number>();
  for (const [index, digest] of outline.blobs.entries()) {
    const value = seen.blobs[index] ?? null;
    if (value !== null) sizes.set(digest, decodeBlob(value).bytes);
  }
  for (const [index, digest] of outline.children.entries()) {
    const value = seen.children[index] ?? null;
    if (value !== null) sizes.set(digest, decodeManifest(value).bytes);
  }
  const { manifest } = push;
  for (const { digest, size } of [...requiredBlobs(manifest), ...requiredManifests(manifest)]) {
    const stored = sizes.get(digest) ?? size;
    if (stored !== size) return { digest, claimed: size, stored };
  }
  return null;
}

function rescueBlobs(transaction: Transaction, digests: readonly Digest[], values: Values): void {
  for (const [index, digest] of digests.entries()) {
    const value = values[index] ?? null;
    if (value !== null) rescueBlob(transaction, digest, decodeBlob(value));
  }
}

function isUnused(link: Uint8Array): boolean {
  return decodeBlobLink(link).state.type === "unused";
}

/** A link that only the collector condemned, for want of a manifest that names the blob, is used now. */
function rescueLinks(transaction: Transaction, { push, outline }: Plan, links: Values): void {
  const { repository } = push;
  for (const [index, digest] of outline.blobs.entries()) {
    const link = links[index] ?? null;
    if (link === null || !isUnused(link)) continue;
    // As old as it was: it is no new link, for which the collector has a note of its own.
    putLink(transaction, { repository, digest }, { ...decodeBlobLink(link), state: live });
  }
}

/** Gives the location of bytes that are not needed, if there are. */
function putContent(
  transaction: Transaction,
  { push, outline }: Plan,
  value: Uint8Array | null,
): BlobLocation | null {
  const { digest, content } = push;
  const own = content.type === "location" ? content.location : null;
  if (value === null) {
    transaction.put(contentKey(digest), encodeContent({ state: live, content }));
    transaction.put(outlineKey(digest), encodeOutline(outline));
    if (own !== null) {
      transaction.put(locationKey(own), encodeLocation({ type: "manifest", digest }));
    }
    return null;
  }
  const stored = decodeContent(value);
  if (stored.state.type !== "live") {
    transaction.put(contentKey(digest), encodeContent({ ...stored, state: live }));
  }
  const kept = stored.content.type === "location" ? stored.content.location : null;
  return own === kept ? null : own;
}

async function createRepository(
  transaction: Transaction,
  { push, project }: Plan,
  value: Uint8Array | null,
): Promise<void> {
  if (value !== null && decodeRepository(value).state.type === "live") return;
  await transaction.lock([projectKey(project)]);
  const record = { state: live, createdMs: push.nowMs };
  transaction.put(repositoryKey(push.repository), encodeRepository(record));
}

function linkManifest(transaction: Transaction, plan: Plan, children: Values): void {
  const { push, outline, referrer } = plan;
  const { repository, digest, manifest } = push;
  const record = encodeManifest({
    mediaType: manifest.mediaType,
    bytes: push.bytes,
    pushedMs: push.nowMs,
    totalBytes: push.bytes + namedBytes(manifest, children),
    artifactType: referrerArtifactType(manifest),
  });
  transaction.put(manifestKey(repository, digest), record);
  const refer = (to: Digest, kind: "blob" | "child") =>
    transaction.put(referenceKey(to, kind, { repository, manifest: digest }), noBytes);
  for (const blob of outline.blobs) refer(blob, "blob");
  for (const child of outline.children) refer(child, "child");
  const byRepository = referenceKey(digest, "content", { repository, manifest: null });
  transaction.put(byRepository, noBytes);
  if (referrer !== null && outline.subject !== null) {
    transaction.put(referrerKey(repository, outline.subject, digest), referrer);
  }
}

const noBytes = Buffer.alloc(0);

function namedBytes(manifest: Manifest, children: Values): number {
  const blobs = requiredBlobs(manifest).reduce((sum, blob) => sum + blob.size, 0);
  const totals = children.map((value) => (value === null ? 0 : decodeManifest(value).totalBytes));
  // Sizes are the client's claims: a sum beyond what a number holds must not break the record.
  return Math.min(
    totals.reduce((sum, total) => sum + total, blobs),
    totalBytesMax,
  );
}

const totalBytesMax = 2 ** 52;

/** Points the tags at the manifest; gives those that did not before. */
function moveTags(transaction: Transaction, push: ManifestPush, values: Values): Tag[] {
  const { repository, digest } = push;
  const record = encodeTag({
    digest,
    mediaType: push.manifest.mediaType,
    bytes: push.bytes,
    pushedMs: push.nowMs,
  });
  const moved: Tag[] = [];
  for (const [index, tag] of push.tags.entries()) {
    const value = values[index] ?? null;
    const before = value === null ? null : decodeTag(value).digest;
    if (before === digest) continue;
    transaction.put(tagKey(repository, tag), record);
    transaction.put(manifestTagKey(repository, digest, tag), noBytes);
    if (before !== null) transaction.delete(manifestTagKey(repository, before, tag));
    moved.push(tag);
  }
  return moved;
}

function addEvent(transaction: Transaction, push: ManifestPush, tags: readonly Tag[]): void {
  const outbox = createOutbox(transaction, { actor: push.actor, occurredMs: push.nowMs });
  const { repository, digest, manifest } = push;
  const { mediaType } = manifest;
  outbox.add({ type: "artifact.pushed", repository, digest, mediaType, tags });
}
