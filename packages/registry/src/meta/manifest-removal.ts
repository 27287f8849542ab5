// Deleting manifests and tags. Content and blobs stay: the collector takes what nothing refers to.

import type { Result } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import type { Unsettled } from "./outcome.ts";

/**
 * Removes the manifest from the repository, with its tags, its references and its entry among the
 * referrers of its subject. An index's children stay.
 */
export declare function deleteManifest(
  store: Store,
  what: {
    readonly repository: RepositoryName;
    readonly digest: Digest;
    readonly actor: string;
  },
): Promise<Result<null, { readonly code: "manifest-unknown" } | Unsettled>>;

/** Removes the tag alone; the manifest stays. */
export declare function deleteTag(
  store: Store,
  what: { readonly repository: RepositoryName; readonly tag: Tag; readonly actor: string },
): Promise<Result<null, { readonly code: "tag-unknown" } | Unsettled>>;
