// Tags in lexical order (OCI distribution-spec, "Listing Tags").

import type { Latin1Entries, Reader, Snapshot } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { manifestTagsRange, readKey, tagKey, tagsPrefixBytes, tagsRange } from "./keys.ts";
import { decodeTag } from "./manifest-records.ts";
import { findRepository } from "./repositories.ts";

const nothing: Latin1Entries = { keys: [], values: [] };

export interface TagPage {
  readonly tags: readonly Tag[];
  /** There are tags behind the last one given. False when `limit` is 0. */
  readonly more: boolean;
}

/**
 * Hot path. The first `limit` (0 to 10,000) tags behind `after`, which may be any text. Null: no such
 * repository.
 */
export async function listTags(
  reader: Snapshot,
  repository: RepositoryName,
  page: { readonly after: string | null; readonly limit: number },
): Promise<TagPage | null> {
  const range = tagsRange(repository, page.after);
  const limit = page.limit + 1;
  const { keys } =
    page.limit === 0 ? nothing : await reader.scanLatin1(range, { limit, keysOnly: true });
  // A repository with tags exists; only an empty page asks.
  if (keys.length === 0 && (await findRepository(reader, repository)) === null) return null;
  const tags = lastTexts(keys, tagsPrefixBytes(repository), page.limit);
  return { tags: tags as Tag[], more: keys.length > page.limit };
}

// What stands before the tag, which is ASCII, is the same in all keys; a zero byte ends it.
function lastTexts(keys: readonly string[], offset: number, limit: number): string[] {
  const texts: string[] = [];
  for (const key of keys) {
    if (texts.length === limit) break;
    texts.push(key.slice(offset, -1));
  }
  return texts;
}

/** Up to `limit` tags that point at the manifest, in lexical order. */
export async function listTagsOf(
  reader: Reader,
  repository: RepositoryName,
  of: { readonly digest: Digest; readonly limit: number },
): Promise<Tag[]> {
  const range = manifestTagsRange(repository, of.digest);
  const entries = await reader.scan(range, { limit: of.limit, keysOnly: true });
  return entries.map(({ key }) => {
    const segments = readKey(key);
    segments.text();
    segments.digest();
    return segments.text() as Tag;
  });
}

/** When each was last pointed somewhere, milliseconds since the epoch; null: there is no such tag. */
export async function tagTimes(
  reader: Reader,
  repository: RepositoryName,
  tags: readonly Tag[],
): Promise<(number | null)[]> {
  const values = await reader.getMany(tags.map((tag) => tagKey(repository, tag)));
  return values.map((value) => (value === null ? null : decodeTag(value).pushedMs));
}
