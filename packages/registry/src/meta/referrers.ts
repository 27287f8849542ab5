// Referrers: which manifests name a digest as their subject (OCI distribution-spec, "Listing Referrers").

import type { Reader } from "@sampan/kv/txn";
import type { Annotations, Digest, RepositoryName } from "@sampan/oci/model";

/** One entry of the list, as its descriptor says it. */
export interface Referrer {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  readonly artifactType: string | null;
  readonly annotations: Annotations;
}

export interface ReferrerPage {
  readonly referrers: readonly Referrer[];
  readonly more: boolean;
}

/** In the order of digests. Empty for an unknown subject: the endpoint never answers 404. */
export declare function listReferrers(
  reader: Reader,
  of: { readonly repository: RepositoryName; readonly subject: Digest },
  page: {
    /** Only referrers of this type; null takes all. */
    readonly artifactType: string | null;
    readonly after: Digest | null;
    /** 1 to 1,000; a page also ends at about 2 MiB of annotations. */
    readonly limit: number;
  },
): Promise<ReferrerPage>;
