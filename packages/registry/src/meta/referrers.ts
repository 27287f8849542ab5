// Referrers: which manifests name a digest as their subject (OCI distribution-spec, "Listing
// Referrers").

import type { Reader } from "@sampan/kv/txn";
import type { Annotations, Digest, Manifest, RepositoryName } from "@sampan/oci/model";
import { referrerArtifactType } from "@sampan/oci/model";
import { readKey, referrersRange } from "./keys.ts";
import { decodeJson, encodeJson } from "./record-bytes.ts";

const referrerVersion = 1;

/** Annotations of a referrer are in its record; a list of referrers repeats them. Bytes of JSON. */
export const referrerBytesMax = 1024 * 1024;

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

/** The digest is in the key. */
type ReferrerRecord = Omit<Referrer, "digest">;

export function encodeReferrer(manifest: Manifest, size: number): Uint8Array {
  const record: ReferrerRecord = {
    mediaType: manifest.mediaType,
    size,
    artifactType: referrerArtifactType(manifest),
    annotations: manifest.annotations,
  };
  return encodeJson(referrerVersion, record);
}

/** A page ends behind the entry with which it has this many bytes of records. */
const pageBytesMax = 2 * 1024 * 1024;
/** Entries of one scan: with large annotations as many as this are in memory at once. */
const scanEntries = 32;

/** In the order of digests. Empty for an unknown subject: the endpoint never answers 404. */
export async function listReferrers(
  reader: Reader,
  of: { readonly repository: RepositoryName; readonly subject: Digest },
  page: {
    /** Only referrers of this type; null takes all. */
    readonly artifactType: string | null;
    readonly after: Digest | null;
    /** 1 to 1,000; a page also ends at about 2 MiB of records. */
    readonly limit: number;
  },
): Promise<ReferrerPage> {
  const referrers: Referrer[] = [];
  let bytes = 0;
  let after = page.after;
  for (;;) {
    const range = referrersRange(of.repository, of.subject, after);
    const entries = await reader.scan(range, { limit: scanEntries });
    for (const { key, value } of entries) {
      const referrer = decodeReferrer(key, value);
      after = referrer.digest;
      if (page.artifactType !== null && referrer.artifactType !== page.artifactType) continue;
      if (referrers.length === page.limit || bytes > pageBytesMax) return { referrers, more: true };
      referrers.push(referrer);
      bytes += value.length;
    }
    if (entries.length < scanEntries) return { referrers, more: false };
  }
}

function decodeReferrer(key: Uint8Array, value: Uint8Array): Referrer {
  const segments = readKey(key);
  segments.text();
  segments.digest();
  const digest = segments.digest();
  const record = decodeJson<ReferrerRecord>(value, referrerVersion);
  const { mediaType, size, artifactType, annotations } = record;
  return { digest, mediaType, size, artifactType, annotations };
}
