// Tags in lexical order (OCI distribution-spec, "Listing Tags").

import type { Reader } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { manifestTagsRange, readKey, tagsRange } from "./keys.ts";
import { findRepository } from "./repositories.ts";

export interface TagPage {
  readonly tags: readonly Tag[];
  /** There are tags behind the last one given. False when `limit` is 0. */
  readonly more: boolean;
}

/**
 * The first `limit` (0 to 10,000) tags behind `after`, which may be any text. Null: no such
 * repository.
 */
export async function listTags(
  reader: Reader,
  repository: RepositoryName,
  page: { readonly after: string | null; readonly limit: number },
): Promise<TagPage | null> {
  const range = tagsRange(repository, page.after);
  const limit = page.limit + 1;
  const entries = page.limit === 0 ? [] : await reader.scan(range, { limit, keysOnly: true });
  // A repository with tags exists; only an empty page asks.
  if (entries.length === 0 && (await findRepository(reader, repository)) === null) return null;
  const tags = entries.slice(0, page.limit).map((entry) => tagIn(entry.key));
  return { tags, more: entries.length > page.limit };
}

function tagIn(key: Uint8Array): Tag {
  const segments = readKey(key);
  segments.text();
  return segments.text() as Tag;
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
