// The parameters of a listing: how many, and behind what.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";

/** A page is never longer, whatever was asked for; the `Link` header leads on. */
export const pageEntriesMax = 10_000;
/** Names and tags are shorter; a longer one is behind nothing that exists. */
const lastCharsMax = 1_024;

export interface Page {
  readonly limit: number;
  readonly after: string | null;
}

/** `entriesDefault` counts where the client does not say how many. */
export function parsePage(
  query: URLSearchParams,
  entriesDefault: number,
): Result<Page, "pagination-invalid"> {
  const after = query.get("last");
  if ((after?.length ?? 0) > lastCharsMax) return err("pagination-invalid");
  const text = query.get("n");
  if (text !== null && !/^[0-9]{1,15}$/.test(text)) return err("pagination-invalid");
  const wanted = text === null ? entriesDefault : Number(text);
  return ok({
    limit: Math.min(wanted, pageEntriesMax),
    after: after === null || after === "" ? null : after,
  });
}
