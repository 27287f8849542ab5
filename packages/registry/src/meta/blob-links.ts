// Blobs as repositories see them: the record (where the bytes lie, shared by all) and the link
// (this repository has it).
//
// A link that is deleted is condemned, not removed: a push under way may have seen it live and name
// the blob all the same. So a condemned link still counts while a manifest of the repository names
// the blob, and costs a scan, but only then; pushes that share a layer never conflict over its
// link.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Key, Range, Reader, Store, Transaction } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { projectOf } from "../core/project-name.ts";
import type { BlobLinkRecord, BlobRecord } from "./blob-records.ts";
import { decodeBlob, decodeBlobLink, encodeBlob, encodeBlobLink } from "./blob-records.ts";
import { addWork, type WorkItem } from "./collection-records.ts";
import { getGroups } from "./groups.ts";
import {
  blobKey,
  blobLinkKey,
  keyAfter,
  locationKey,
  projectKey,
  readKey,
  referenceKey,
  referencesRange,
  uploadKey,
} from "./keys.ts";
import { encodeLocation } from "./locations.ts";
import type { Attempt, Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import type { RecordState } from "./record-state.ts";
import { live } from "./record-state.ts";
import { decodeUpload } from "./uploads.ts";

export interface FoundBlob {
  readonly location: BlobLocation;
  readonly bytes: number;
}

/** Null when the repository has no such blob, whoever else has. One read of two keys. Hot path. */
export async function findBlob(
  reader: Reader,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundBlob | null> {
  const keys = [blobLinkKey(repository, digest), blobKey(digest)];
  const [link = null, blob = null] = await reader.getMany(keys);
  if (link === null || blob === null) return null;
  if (!(await linkCounts(reader, link, { repository, digest }))) return null;
  // Condemned or not: a link that counts keeps the collector from deleting it.
  const { location, bytes } = decodeBlob(blob);
  return { location, bytes };
}

export interface BlobOf {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** Is the blob the repository's, as this link says? No read when the link is live. */
export async function linkCounts(reader: Reader, link: Uint8Array, of: BlobOf): Promise<boolean> {
  return decodeBlobLink(link).state.type === "live" || (await isNamed(reader, of));
}

/** Does a manifest of the repository name the blob? */
export async function isNamed(reader: Reader, of: BlobOf): Promise<boolean> {
  const range = referencesRange(of.digest, "blob", of.repository);
  return (await reader.scan(range, { limit: 1, keysOnly: true })).length > 0;
}

export interface BlobCommit {
  readonly repository: RepositoryName;
  /** Verified against the bytes by the caller. */
  readonly digest: Digest;
  /** Where the bytes lie, committed (durable). */
  readonly location: BlobLocation;
  readonly bytes: number;
  /**
   * Its record is removed in the same transaction. Null for an upload of one request, which needs
   * no record: its bytes are younger than what a sweep takes.
   */
  readonly uploadId: string | null;
  /**
   * Are these bytes, which others brought before, where their record says, and all of them? If not,
   * the new ones take their place: pushing a damaged blob again heals it.
   */
  readonly isStored: (blob: FoundBlob) => Promise<boolean>;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export interface CommittedBlob {
  /** Where the blob lies now. */
  readonly location: BlobLocation;
  /**
   * No record names it any more: the caller deletes what lies there. Its own bytes when another
   * upload had brought the same, or the remains of a blob that was damaged.
   */
  readonly surplus: BlobLocation | null;
}

export type BlobCommitFailure =
  | { readonly code: "upload-unknown" }
  | { readonly code: "project-unknown" };

/**
 * Makes uploaded bytes a blob of the repository. Calling it again after an undetermined outcome is
 * safe: bytes that are already the blob's are no surplus.
 */
export function commitBlob(
  store: Store,
  commit: BlobCommit,
): Promise<Result<CommittedBlob, BlobCommitFailure | Unsettled>> {
  return settle(store, (transaction, attempt) => runCommit(transaction, commit, attempt));
}

async function runCommit(
  transaction: Transaction,
  commit: BlobCommit,
  attempt: Attempt,
): Promise<Result<CommittedBlob, BlobCommitFailure>> {
  const { repository, digest, location } = commit;
  if (attempt.hot) await transaction.lock([blobKey(digest)], { hot: true });
  const seen = await readCommit(transaction, commit);
  if (!seen.project) return err({ code: "project-unknown" });
  const blob = seen.blob === null ? null : decodeBlob(seen.blob);
  const isOurs = blob?.location === location;
  const isKept = blob !== null && (isOurs || (await commit.isStored(blob)));
  if (!ownsUpload(commit, seen.upload)) {
    const done = isOurs || (isKept && attempt.mayBeDone && seen.link);
    if (!done) return err({ code: "upload-unknown" });
  }
  linkBlob(transaction, { repository, digest }, commit.nowMs);
  if (commit.uploadId !== null) transaction.delete(uploadKey(commit.uploadId));
  if (!isKept) {
    const record: BlobRecord = { state: live, bytes: commit.bytes, location };
    transaction.put(blobKey(digest), encodeBlob(record));
    transaction.put(locationKey(location), encodeLocation({ type: "blob", digest }));
    if (blob !== null) transaction.delete(locationKey(blob.location));
    return ok({ location, surplus: blob?.location ?? null });
  }
  rescueBlob(transaction, digest, blob);
  if (!isOurs) transaction.delete(locationKey(location));
  return ok({ location: blob.location, surplus: isOurs ? null : location });
}

async function readCommit(transaction: Transaction, commit: BlobCommit) {
  const { repository, digest, uploadId } = commit;
  const project = projectOf(repository);
  const values = await getGroups(transaction, {
    project: project === null ? [] : [projectKey(project)],
    upload: uploadId === null ? [] : [uploadKey(uploadId)],
    blob: [blobKey(digest), blobLinkKey(repository, digest)],
  });
  const [blob = null, link = null] = values.blob;
  const [upload = null] = values.upload;
  return { project: (values.project[0] ?? null) !== null, upload, blob, link: link !== null };
}

function ownsUpload(commit: BlobCommit, value: Uint8Array | null): boolean {
  if (commit.uploadId === null) return true;
  if (value === null) return false;
  const upload = decodeUpload(commit.uploadId, value);
  return upload.repository === commit.repository && upload.location === commit.location;
}

/** Writes the link live; it is one of the blob's references too. */
function linkBlob(transaction: Transaction, of: BlobOf, linkedMs: number): void {
  putLink(transaction, of, { state: live, linkedMs });
  addWork(transaction, "linked", { atMs: linkedMs, items: [{ kind: "link", ...of }] });
}

export function putLink(transaction: Transaction, of: BlobOf, link: BlobLinkRecord): void {
  const record = encodeBlobLink(link);
  transaction.put(blobLinkKey(of.repository, of.digest), record);
  const by = { repository: of.repository, manifest: null };
  transaction.put(referenceKey(of.digest, "link", by), record);
}

/** A condemned blob that is wanted again is rewritten, which conflicts with the collector. */
export function rescueBlob(transaction: Transaction, digest: Digest, blob: BlobRecord): void {
  if (blob.state.type === "live") return;
  transaction.put(blobKey(digest), encodeBlob({ ...blob, state: live }));
}

export interface BlobMount extends BlobOf {
  readonly from: RepositoryName;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export type BlobMountFailure =
  | { readonly code: "blob-unknown" }
  | { readonly code: "project-unknown" };

/**
 * Gives `repository` the blob that `from` has. The caller has checked that the actor may pull from
 * `from`; a mount without `from` asks listBlobRepositories first.
 */
export function mountBlob(
  store: Store,
  mount: BlobMount,
): Promise<Result<FoundBlob, BlobMountFailure | Unsettled>> {
  const { from, repository, digest } = mount;
  return settle<FoundBlob, BlobMountFailure>(store, async (transaction) => {
    const project = projectOf(repository);
    if (project === null) return err({ code: "project-unknown" });
    const keys = [projectKey(project), blobLinkKey(from, digest), blobKey(digest)];
    const [projectValue = null, link = null, value = null] = await transaction.getMany(keys);
    if (projectValue === null) return err({ code: "project-unknown" });
    if (link === null || value === null) return err({ code: "blob-unknown" });
    const counts = await linkCounts(transaction, link, { repository: from, digest });
    if (!counts) return err({ code: "blob-unknown" });
    const blob = decodeBlob(value);
    rescueBlob(transaction, digest, blob);
    linkBlob(transaction, { repository, digest }, mount.nowMs);
    return ok({ location: blob.location, bytes: blob.bytes });
  });
}

/** Up to `limit` repositories that have the blob, in lexical order. */
export async function listBlobRepositories(
  reader: Reader,
  digest: Digest,
  limit: number,
): Promise<RepositoryName[]> {
  const range = referencesRange(digest, "link", null);
  const entries = await reader.scan(range, { limit });
  const repositories: RepositoryName[] = [];
  for (const { key, value } of entries) {
    const segments = readKey(key);
    segments.digest();
    segments.u8();
    const repository = segments.text() as RepositoryName;
    if (decodeBlobLink(value).state.type === "live") repositories.push(repository);
  }
  return repositories;
}

export interface BlobDeletion extends BlobOf {
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export type BlobDeletionFailure =
  | { readonly code: "blob-unknown" }
  | { readonly code: "blob-in-use" };

/** Takes the blob out of the repository; refused while a manifest of the repository names it. */
export function deleteBlob(
  store: Store,
  { repository, digest, nowMs }: BlobDeletion,
): Promise<Result<null, BlobDeletionFailure | Unsettled>> {
  const of = { repository, digest };
  return settle<null, BlobDeletionFailure>(store, async (transaction, attempt) => {
    const value = await transaction.get(blobLinkKey(of.repository, of.digest));
    const link = value === null ? null : decodeBlobLink(value);
    const condemned = link === null || link.state.type !== "live";
    if (condemned && attempt.mayBeDone) return ok(null);
    if (link === null) return err({ code: "blob-unknown" });
    if (await isNamed(transaction, of)) return err({ code: "blob-in-use" });
    if (condemned) return err({ code: "blob-unknown" });
    condemnLink(transaction, of, link);
    addWork(transaction, "freed", { atMs: nowMs, items: [{ kind: "link", ...of }] });
    return ok(null);
  });
}

function condemnLink(transaction: Transaction, of: BlobOf, link: BlobLinkRecord): void {
  const state: RecordState = { type: "condemned", atTs: transaction.startTs };
  putLink(transaction, of, { ...link, state });
}

/** Two keys each, well below what one transaction takes. */
const linksPage = 1_000;

/** Condemns all links of the range, a page a transaction. `nowMs` is the wall clock's. */
export async function condemnBlobLinks(
  store: Store,
  range: Range,
  nowMs: number,
): Promise<Result<null, Unsettled>> {
  let start = range.start;
  for (;;) {
    const from = { ...range, start };
    const page = await settle<Key | null, never>(store, async (transaction) => {
      const entries = await transaction.scan(from, { limit: linksPage });
      const items: WorkItem[] = [];
      for (const { key, value } of entries) {
        const segments = readKey(key);
        const of = { repository: segments.text() as RepositoryName, digest: segments.digest() };
        const link = decodeBlobLink(value);
        if (link.state.type === "condemned") continue;
        condemnLink(transaction, of, link);
        items.push({ kind: "link", ...of });
      }
      addWork(transaction, "freed", { atMs: nowMs, items });
      const last = entries.length < linksPage ? undefined : entries.at(-1);
      return ok(last === undefined ? null : keyAfter(last.key));
    });
    if (!page.ok) return page;
    if (page.value === null) return ok(null);
    start = page.value;
  }
}
