// Manifests read: what a pull asks for. Hot path.

import { IoError } from "@sampan/env";
import type { Reader } from "@sampan/kv/txn";
import type { Digest, Reference, RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import { decodeContent } from "./content.ts";
import { contentKey, manifestKey, manifestsRange, readKey, tagKey } from "./keys.ts";
import type { ManifestRecord } from "./manifest-records.ts";
import { decodeManifest, decodeTag } from "./manifest-records.ts";

/** Larger manifests lie in the blob store, so that a transaction's bytes stay bounded. */
export const manifestInlineBytesMax = 256 * 1024;

export type ManifestContent =
  | { readonly type: "inline"; readonly bytes: Uint8Array }
  | { readonly type: "location"; readonly location: BlobLocation };

/** What the headers of an answer need. */
export interface ManifestStat {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: number;
}

export interface FoundManifest extends ManifestStat {
  readonly content: ManifestContent;
}

/** For HEAD: one read. Null: no such manifest, tag or repository (findRepository tells which). */
export async function statManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: Reference,
): Promise<ManifestStat | null> {
  if (reference.type === "tag") {
    const value = await reader.get(tagKey(repository, reference.tag));
    return value === null ? null : decodeTag(value);
  }
  const value = await reader.get(manifestKey(repository, reference.digest));
  return value === null ? null : statOf(reference.digest, value);
}

/** For GET. By digest one read of two keys, by tag two reads after one another. Null as above. */
export async function findManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: Reference,
): Promise<FoundManifest | null> {
  if (reference.type === "digest") return findByDigest(reader, repository, reference.digest);
  const value = await reader.get(tagKey(repository, reference.tag));
  if (value === null) return null;
  const { digest, mediaType, bytes } = decodeTag(value);
  const content = contentOf(digest, await reader.get(contentKey(digest)));
  return { digest, mediaType, bytes, content };
}

async function findByDigest(
  reader: Reader,
  repository: RepositoryName,
  digest: Digest,
): Promise<FoundManifest | null> {
  const keys = [manifestKey(repository, digest), contentKey(digest)];
  const [link = null, content = null] = await reader.getMany(keys);
  if (link === null) return null;
  const { mediaType, bytes } = decodeManifest(link);
  return { digest, mediaType, bytes, content: contentOf(digest, content) };
}

function statOf(digest: Digest, link: Uint8Array): ManifestStat {
  const { mediaType, bytes } = decodeManifest(link);
  return { digest, mediaType, bytes };
}

// Condemned or not: a link keeps the collector from deleting it, so what is there may be served.
function contentOf(digest: Digest, value: Uint8Array | null): ManifestContent {
  if (value === null) throw new IoError("corrupt", `the content of manifest ${digest} is missing`);
  return decodeContent(value).content;
}

export interface ListedManifest extends ManifestRecord {
  readonly digest: Digest;
}

/** The link with what it knows, for an API. Null as findManifest. */
export async function findListedManifest(
  reader: Reader,
  repository: RepositoryName,
  reference: Reference,
): Promise<ListedManifest | null> {
  const stat = await statManifest(reader, repository, reference);
  if (stat === null) return null;
  const { digest } = stat;
  const link = await reader.get(manifestKey(repository, digest));
  return link === null ? null : { digest, ...decodeManifest(link) };
}

export interface ManifestPage {
  readonly manifests: readonly ListedManifest[];
  readonly more: boolean;
}

/** What is linked in the repository, in the order of digests. Limit 1 to 10,000. */
export async function listManifests(
  reader: Reader,
  repository: RepositoryName,
  page: { readonly after: Digest | null; readonly limit: number },
): Promise<ManifestPage> {
  const range = manifestsRange(repository, page.after);
  const entries = await reader.scan(range, { limit: page.limit + 1 });
  const manifests = entries.slice(0, page.limit).map(({ key, value }) => {
    const segments = readKey(key);
    segments.text();
    return { digest: segments.digest(), ...decodeManifest(value) };
  });
  return { manifests, more: entries.length > page.limit };
}
