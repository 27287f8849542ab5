// Tags in lexical order (OCI distribution-spec, "Listing Tags").

import type { JoinedKeys, Reader, Snapshot } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { manifestTagsRange, readKey, tagKey, tagsPrefixBytes, tagsRange } from "./keys.ts";
import { decodeTag } from "./manifest-records.ts";
import { findRepository } from "./repositories.ts";

/** What is between two tags in a JSON array; no tag has a character that JSON would escape. */
const between = '","';
const nothing: JoinedKeys = { text: "", count: 0 };

export interface TagPage {
  /** The tags as a JSON array. */
  readonly json: string;
  readonly last: Tag | null;
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
  // What stands before the tag, which is ASCII, is the same in all keys; a zero byte ends it.
  const joining = { limit, skip: tagsPrefixBytes(repository), drop: 1, separator: between };
  const { text, count } = page.limit === 0 ? nothing : await reader.scanJoined(range, joining);
  // A repository with tags exists; only an empty page asks.
  if (count === 0) {
    const exists = (await findRepository(reader, repository)) !== null;
    return exists ? { json: "[]", last: null, more: false } : null;
  }
  const more = count > page.limit;
  const tags = more ? text.slice(0, text.lastIndexOf(between)) : text;
  const lastStart = tags.lastIndexOf(between);
  const last = lastStart < 0 ? tags : tags.slice(lastStart + between.length);
  return { json: `["${tags}"]`, last: last as Tag, more };
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
