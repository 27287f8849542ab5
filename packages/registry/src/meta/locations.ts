// Which record names a location: what the sweep of bytes that no record names asks.

import type { Reader } from "@sampan/kv/txn";
import type { Digest } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";

export type LocationOwner =
  | { readonly type: "upload"; readonly id: string }
  | { readonly type: "blob"; readonly digest: Digest }
  | { readonly type: "manifest"; readonly digest: Digest };

/**
 * In the order of `locations`; null: no record names it. A location is created before the record that
 * names it, so bytes younger than an hour or so may be about to be named: leave them.
 */
export declare function findLocations(
  reader: Reader,
  locations: readonly BlobLocation[],
): Promise<(LocationOwner | null)[]>;
