// Tags in lexical order (OCI distribution-spec, "Listing Tags").

import type { Reader } from "@sampan/kv/txn";
import type { RepositoryName, Tag } from "@sampan/oci/model";

export interface TagPage {
  readonly tags: readonly Tag[];
  /** There are tags behind the last one given. False when `limit` is 0. */
  readonly more: boolean;
}

/**
 * The first `limit` (0 to 10,000) tags behind `after`, which may be any text. Null: no such repository.
 */
export declare function listTags(
  reader: Reader,
  repository: RepositoryName,
  page: { readonly after: string | null; readonly limit: number },
): Promise<TagPage | null>;
