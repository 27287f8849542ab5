// What holds of the registry's records at every moment, whatever ran before. Walks every key, so it
// is for tests and simulations.

import type { Entry, Reader } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { projectOf } from "../../core/project-name.ts";
import { findBlob } from "../blob-links.ts";
import { decodeBlob, decodeBlobLink } from "../blob-records.ts";
import { decodeContent, decodeOutline } from "../content.ts";
import {
  blobKey,
  contentKey,
  keyAfter,
  keyPrefixes,
  locationKey,
  manifestKey,
  manifestTagKey,
  outlineKey,
  projectKey,
  readKey,
  referenceKey,
  referrerKey,
  repositoryKey,
  tagKey,
} from "../keys.ts";
import { decodeLocation } from "../locations.ts";
import { decodeManifest, decodeTag } from "../manifest-records.ts";

/** Sentences about what does not hold; empty when all is well. */
export async function brokenInvariants(reader: Reader): Promise<string[]> {
  const broken: string[] = [];
  const check = (holds: boolean, sentence: string) => {
    if (!holds) broken.push(sentence);
  };
  const look: Look = { reader, check };
  await checkTags(look);
  await checkManifests(look);
  await checkBlobs(look);
  return broken;
}

interface Look {
  readonly reader: Reader;
  readonly check: (holds: boolean, sentence: string) => void;
}

async function checkTags({ reader, check }: Look): Promise<void> {
  for (const { key, value } of await entriesOf(reader, keyPrefixes.tag)) {
    const segments = readKey(key);
    const repository = segments.text() as RepositoryName;
    const tag = segments.text() as Tag;
    const { digest, mediaType, bytes } = decodeTag(value);
    const name = `${repository}:${tag}`;
    const link = await reader.get(manifestKey(repository, digest));
    check(link !== null, `${name} points at a manifest that is not there`);
    check(
      (await reader.get(manifestTagKey(repository, digest, tag))) !== null,
      `${name} is not among the tags of its manifest`,
    );
    if (link === null) continue;
    const record = decodeManifest(link);
    check(
      record.mediaType === mediaType && record.bytes === bytes,
      `${name} differs from its manifest`,
    );
  }
  for (const { key } of await entriesOf(reader, keyPrefixes.manifestTag)) {
    const segments = readKey(key);
    const repository = segments.text() as RepositoryName;
    const digest = segments.digest();
    const tag = segments.text() as Tag;
    const value = await reader.get(tagKey(repository, tag));
    const points = value !== null && decodeTag(value).digest === digest;
    check(points, `${repository}:${tag} is listed for ${digest} and does not point there`);
  }
}

async function checkManifests(look: Look): Promise<void> {
  const { reader, check } = look;
  for (const { key } of await entriesOf(reader, keyPrefixes.manifest)) {
    const segments = readKey(key);
    const of = { repository: segments.text() as RepositoryName, digest: segments.digest() };
    const name = `${of.repository}@${of.digest}`;
    check((await reader.get(repositoryKey(of.repository))) !== null, `${name} has no repository`);
    const project = projectOf(of.repository);
    check(
      project !== null && (await reader.get(projectKey(project))) !== null,
      `${name} has no project`,
    );
    const content = await reader.get(contentKey(of.digest));
    check(content !== null, `${name} has no content`);
    if (content !== null) decodeContent(content);
    await checkOutline(look, of);
  }
  await checkReferences(look);
}

interface ManifestOf {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

async function checkOutline({ reader, check }: Look, of: ManifestOf): Promise<void> {
  const { repository, digest } = of;
  const name = `${repository}@${digest}`;
  const value = await reader.get(outlineKey(digest));
  check(value !== null, `${name} has no outline`);
  if (value === null) return;
  const { subject, blobs, children } = decodeOutline(value);
  const by = { repository, manifest: digest };
  for (const blob of blobs) {
    check((await reader.get(referenceKey(blob, "blob", by))) !== null, `${name}: ${blob} lacks it`);
    check((await findBlob(reader, repository, blob)) !== null, `${name}: blob ${blob} is gone`);
  }
  for (const child of children) {
    check(
      (await reader.get(referenceKey(child, "child", by))) !== null,
      `${name}: ${child} lacks it`,
    );
  }
  const own = referenceKey(digest, "content", { repository, manifest: null });
  check((await reader.get(own)) !== null, `${name} does not refer to its content`);
  if (subject === null) return;
  const listed = await reader.get(referrerKey(repository, subject, digest));
  check(listed !== null, `${name} is not among the referrers of ${subject}`);
}

// Nothing refers in the name of a manifest that is not linked.
async function checkReferences({ reader, check }: Look): Promise<void> {
  for (const { key } of await entriesOf(reader, keyPrefixes.reference)) {
    const segments = readKey(key);
    const digest = segments.digest();
    const kind = segments.u8();
    if (kind === 1) continue;
    const repository = segments.text() as RepositoryName;
    const manifest = kind === 4 ? digest : segments.digest();
    const link = await reader.get(manifestKey(repository, manifest));
    check(
      link !== null,
      `${digest} is referred to by ${repository}@${manifest}, which is not there`,
    );
  }
  for (const { key } of await entriesOf(reader, keyPrefixes.referrer)) {
    const segments = readKey(key);
    const repository = segments.text() as RepositoryName;
    segments.digest();
    const digest = segments.digest();
    const link = await reader.get(manifestKey(repository, digest));
    check(link !== null, `${repository}@${digest} is a referrer and is not there`);
  }
}

async function checkBlobs({ reader, check }: Look): Promise<void> {
  for (const { key, value } of await entriesOf(reader, keyPrefixes.blobLink)) {
    const segments = readKey(key);
    const repository = segments.text() as RepositoryName;
    const digest = segments.digest();
    const { state } = decodeBlobLink(value);
    const own = await reader.get(referenceKey(digest, "link", { repository, manifest: null }));
    check(own !== null, `the link of ${repository} to ${digest} is no reference`);
    // A link that counts no more may outlive its blob until the collector comes to it.
    if (state.type !== "live") continue;
    check((await reader.get(blobKey(digest))) !== null, `${repository} links ${digest}, no blob`);
  }
  for (const { key, value } of await entriesOf(reader, keyPrefixes.blob)) {
    const digest = readKey(key).digest();
    const owner = await reader.get(locationKey(decodeBlob(value).location));
    const named = owner === null ? null : decodeLocation(owner);
    const own = named?.type === "blob" && named.digest === digest;
    check(own, `the location of blob ${digest} names another owner`);
  }
}

const scanEntries = 1_000;

/** Every entry of a kind. */
export async function entriesOf(reader: Reader, prefix: string): Promise<Entry[]> {
  const all: Entry[] = [];
  let start: Uint8Array = Buffer.from(prefix, "latin1");
  for (;;) {
    const end = Buffer.from(prefix, "latin1");
    end[end.length - 1] = (end.at(-1) ?? 0) + 1;
    const entries = await reader.scan({ start, end }, { limit: scanEntries });
    all.push(...entries);
    const last = entries.at(-1);
    if (entries.length < scanEntries || last === undefined) return all;
    start = keyAfter(last.key);
  }
}
