// Pushing a manifest: one transaction, so that either all of it is visible or nothing.

import type { Result } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Digest, Manifest, RepositoryName, Tag } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { ManifestContent } from "./manifests.ts";
import type { Unsettled } from "./outcome.ts";

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
  /** Who pushes, for the audit: a user's name, or `anonymous`. */
  readonly actor: string;
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
  /** The name's first component is not a project, or there is none. */
  | { readonly code: "project-unknown" }
  /** A referrer's annotations are more than a list of referrers can carry. */
  | { readonly code: "annotations-too-large" };

/**
 * Links the manifest into the repository, creating the repository's record with its first manifest,
 * and points the tags at it. Pushing again what is there changes nothing and succeeds.
 */
export declare function putManifest(
  store: Store,
  push: ManifestPush,
): Promise<Result<PushedManifest, ManifestPushFailure | Unsettled>>;
