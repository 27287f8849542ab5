// The whole key layout of the registry. Every key starts with `S`, which keeps ours apart from what
// else may lie in a shared cluster (TiDB's keys start with `m` and `t`), and the letter of its
// kind.
//
//   text     UTF-8 and a zero byte           repository, project, tag, user, upload, location
//   digest   01 ‖ 32 bytes | 02 ‖ 64 bytes   sha256, sha512
//   u8 u32 u64                               most significant byte first
//
//   key                                        value
//   Sv                                         format version; read first at every start
//   Ss  name:text                              one setting or secret by name: token-key, project-id
//
//   SP  project:text                           project: id, public, owner
//   Sp  id:u32                                 name of the project
//   SU  user:text                              user: id, admin, password hash
//
//   Sr  repository:text                        repository; there since its first manifest
//   St  repository:text tag:text               tag → digest, media type, size          hot
//   ST  repository:text digest tag:text        (empty) the tags of a manifest
//   Sm  repository:text digest                 manifest link: media type, size         hot
//   SR  repository:text subject:digest digest  referrer: the descriptor that is listed
//   Sl  repository:text digest                 blob link: the repository has the blob  hot
//   Su  upload:text                            upload under way: repository, location
//
//   Sc  digest                                 manifest content, or where it lies      hot
//   Sg  digest                                 manifest outline: what it names
//   Sb  digest                                 blob record: location, size, state      hot
//   Sw  location:text                          whose the bytes are: upload, blob, manifest
//   Sf  digest how:u8 repository:text [manifest:digest]   (empty or time) who refers to a digest
//         how 1  a blob link of the repository; the value is when, for the collector's grace
//         how 2  a manifest of the repository, as config or layer
//         how 3  an index of the repository, as child
//         how 4  a manifest link of the repository, to its content
//
//   Sd  stage:u8 startTs:u64                   work of the collector, noted by that transaction
//         stage 1  references were taken away: look now
//         stage 2  a link was made: look when it has had its time to be named
//         stage 3  condemned: look again when no push can be left that saw it live
//
//   So  startTs:u64 n:u32                      outbox row: an event, not yet in order
//   Se  seq:u64                                event, dense from 1, hash-chained
//   Sh                                         head of the log: last seq and hash
//   SL                                         lease of the sequencer
//
//   Reserved: Sq project:text (quota), Sk (robots), Sx (tokens), Sa (labels), Sj (jobs),
//   SH (history of tags)
//
// References are records, never counters: two pushes of one layer then write different keys. What
// is shared by all repositories (Sc, Sg, Sb) is written once, when it is new, or when a push meets
// it condemned; so pushes that share base layers do not conflict. Sh is written by the sequencer
// alone.

import { assert } from "@sampan/env";
import type { Key, Range, Timestamp } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { ProjectName } from "../core/project-name.ts";
import {
  digestSegment,
  KeyReader,
  textSegment,
  u8Segment,
  u32Segment,
  u64Segment,
} from "./key-segments.ts";

export const keyPrefixes = {
  format: "Sv",
  setting: "Ss",
  project: "SP",
  projectId: "Sp",
  user: "SU",
  repository: "Sr",
  tag: "St",
  manifestTag: "ST",
  manifest: "Sm",
  referrer: "SR",
  blobLink: "Sl",
  upload: "Su",
  content: "Sc",
  outline: "Sg",
  blob: "Sb",
  location: "Sw",
  reference: "Sf",
  collection: "Sd",
  outbox: "So",
  event: "Se",
  eventHead: "Sh",
  sequencerLease: "SL",
} as const;

export const prefixBytes = 2;

export const referenceKinds = { link: 1, blob: 2, child: 3, content: 4 } as const;

export const collectionStages = { freed: 1, linked: 2, condemned: 3 } as const;
export type CollectionStage = keyof typeof collectionStages;

function bytes(text: string): Key {
  return Buffer.from(text, "latin1");
}

export const formatKey = (): Key => bytes(keyPrefixes.format);
export const eventHeadKey = (): Key => bytes(keyPrefixes.eventHead);
export const sequencerLeaseKey = (): Key => bytes(keyPrefixes.sequencerLease);

export function settingKey(name: string): Key {
  return bytes(keyPrefixes.setting + textSegment(name));
}

export function projectKey(project: ProjectName): Key {
  return bytes(keyPrefixes.project + textSegment(project));
}

export function projectIdKey(id: number): Key {
  return bytes(keyPrefixes.projectId + u32Segment(id));
}

export function userKey(name: string): Key {
  return bytes(keyPrefixes.user + textSegment(name));
}

export function repositoryKey(repository: RepositoryName): Key {
  return bytes(keyPrefixes.repository + textSegment(repository));
}

export function tagKey(repository: RepositoryName, tag: Tag): Key {
  return bytes(keyPrefixes.tag + textSegment(repository) + textSegment(tag));
}

export function manifestTagKey(repository: RepositoryName, digest: Digest, tag: Tag): Key {
  const manifest = textSegment(repository) + digestSegment(digest);
  return bytes(keyPrefixes.manifestTag + manifest + textSegment(tag));
}

export function manifestKey(repository: RepositoryName, digest: Digest): Key {
  return bytes(keyPrefixes.manifest + textSegment(repository) + digestSegment(digest));
}

export function referrerKey(repository: RepositoryName, subject: Digest, digest: Digest): Key {
  const start = keyPrefixes.referrer + textSegment(repository);
  return bytes(start + digestSegment(subject) + digestSegment(digest));
}

export function blobLinkKey(repository: RepositoryName, digest: Digest): Key {
  return bytes(keyPrefixes.blobLink + textSegment(repository) + digestSegment(digest));
}

export function uploadKey(id: string): Key {
  return bytes(keyPrefixes.upload + textSegment(id));
}

export function contentKey(digest: Digest): Key {
  return bytes(keyPrefixes.content + digestSegment(digest));
}

export function outlineKey(digest: Digest): Key {
  return bytes(keyPrefixes.outline + digestSegment(digest));
}

export function blobKey(digest: Digest): Key {
  return bytes(keyPrefixes.blob + digestSegment(digest));
}

export function locationKey(location: BlobLocation): Key {
  return bytes(keyPrefixes.location + textSegment(location));
}

/** `manifest` is given for the kinds blob and child, null for link and content. */
export function referenceKey(
  digest: Digest,
  kind: keyof typeof referenceKinds,
  by: { readonly repository: RepositoryName; readonly manifest: Digest | null },
): Key {
  const named = kind === "blob" || kind === "child";
  assert(named === (by.manifest !== null), "a reference is by a manifest or by a repository");
  const manifest = by.manifest === null ? "" : digestSegment(by.manifest);
  return bytes(referencePrefix(digest, kind) + textSegment(by.repository) + manifest);
}

function referencePrefix(digest: Digest, kind: keyof typeof referenceKinds): string {
  return keyPrefixes.reference + digestSegment(digest) + u8Segment(referenceKinds[kind]);
}

export function outboxKey(startTs: Timestamp, n: number): Key {
  return bytes(keyPrefixes.outbox + u64Segment(startTs) + u32Segment(n));
}

export function collectionKey(stage: CollectionStage, startTs: Timestamp): Key {
  return bytes(collectionPrefix(stage) + u64Segment(startTs));
}

function collectionPrefix(stage: CollectionStage): string {
  return keyPrefixes.collection + u8Segment(collectionStages[stage]);
}

/** `seq` counts from 1 and stays far below 2^53. */
export function eventKey(seq: number): Key {
  return bytes(keyPrefixes.event + u64Segment(BigInt(seq)));
}

// Ranges: everything of a kind below some leading segments.

/** All keys that start with `prefix`. */
function under(prefix: string): Range {
  return { start: bytes(prefix), end: bytes(successor(prefix)) };
}

/** As `under`, but only behind the text `after`, which comes from outside and may be anything. */
function underAfter(prefix: string, after: string | null): Range {
  if (after === null) return under(prefix);
  // A key continues with a zero byte where its text ends, so all that starts with 01 or more is
  // behind.
  const text = Buffer.from(after.slice(0, afterCharsMax), "utf8").toString("latin1");
  return { start: bytes(`${prefix}${text}\x01`), end: bytes(successor(prefix)) };
}

/** Longer than any name or tag, so that cutting there changes no order. */
const afterCharsMax = 512;

/** The first string of bytes behind all that start with `prefix`. */
function successor(prefix: string): string {
  let end = prefix.length;
  while (prefix.charCodeAt(end - 1) === 0xff) end -= 1;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}

export function projectsRange(after: string | null): Range {
  return underAfter(keyPrefixes.project, after);
}

/** Of one project or of all. */
export function repositoriesRange(project: ProjectName | null, after: string | null): Range {
  if (project === null) return underAfter(keyPrefixes.repository, after);
  const own = under(`${keyPrefixes.repository}${project}/`);
  const behind = underAfter(keyPrefixes.repository, after);
  return {
    start: Buffer.compare(own.start, behind.start) > 0 ? own.start : behind.start,
    end: own.end,
  };
}

export function tagsRange(repository: RepositoryName, after: string | null): Range {
  return underAfter(keyPrefixes.tag + textSegment(repository), after);
}

/** What stands before the tag in the keys of that range; the tag ends one byte before the key. */
export function tagsPrefixBytes(repository: RepositoryName): number {
  return keyPrefixes.tag.length + textSegment(repository).length;
}

export function manifestTagsRange(repository: RepositoryName, digest: Digest): Range {
  return under(keyPrefixes.manifestTag + textSegment(repository) + digestSegment(digest));
}

/** The links of one repository, or of all repositories of a project. */
export function blobLinksRange(
  of: { repository: RepositoryName } | { project: ProjectName },
): Range {
  const start = "repository" in of ? textSegment(of.repository) : `${of.project}/`;
  return under(keyPrefixes.blobLink + start);
}

export function manifestsRange(repository: RepositoryName, after: Digest | null): Range {
  return underAfterDigest(keyPrefixes.manifest + textSegment(repository), after);
}

export function referrersRange(
  repository: RepositoryName,
  subject: Digest,
  after: Digest | null,
): Range {
  const start = keyPrefixes.referrer + textSegment(repository) + digestSegment(subject);
  return underAfterDigest(start, after);
}

function underAfterDigest(prefix: string, after: Digest | null): Range {
  if (after === null) return under(prefix);
  return { start: bytes(successor(prefix + digestSegment(after))), end: bytes(successor(prefix)) };
}

export function uploadsRange(after: string | null): Range {
  return underAfter(keyPrefixes.upload, after);
}

/** Who refers to the digest in that way, in one repository or in all. */
export function referencesRange(
  digest: Digest,
  kind: keyof typeof referenceKinds,
  repository: RepositoryName | null,
): Range {
  const start = referencePrefix(digest, kind);
  return under(repository === null ? start : start + textSegment(repository));
}

/** Blobs of all repositories. Below `contentsRange`. */
export function storedBlobsRange(): Range {
  return under(keyPrefixes.blob);
}

/** Manifests' contents of all repositories. */
export function contentsRange(): Range {
  return under(keyPrefixes.content);
}

/** Work of that stage behind the key `after`, in the order of the transactions' starts. */
export function collectionRange(stage: CollectionStage, after: Uint8Array | null): Range {
  const all = under(collectionPrefix(stage));
  return after === null ? all : { start: keyAfter(after), end: all.end };
}

/** Rows whose transactions started at `from` or later. */
export function outboxRange(from: Timestamp): Range {
  const end = bytes(successor(keyPrefixes.outbox));
  return { start: bytes(keyPrefixes.outbox + u64Segment(from)), end };
}

export function eventsRange(afterSeq: number): Range {
  return { start: eventKey(afterSeq + 1), end: bytes(successor(keyPrefixes.event)) };
}

/** The first key behind `key`: where a scan goes on. */
export function keyAfter(key: Uint8Array): Key {
  return Buffer.concat([key, Uint8Array.of(0)]);
}

/** Reads what follows the kind's letters. */
export function readKey(key: Uint8Array): KeyReader {
  return new KeyReader(key, prefixBytes);
}
