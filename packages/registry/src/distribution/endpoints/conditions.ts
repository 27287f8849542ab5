// Conditional requests on content that is named by its digest (RFC 9110, section 13). // hot path

import type { Digest } from "@sampan/oci/model";

export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

/**
 * True when the client has it already: `If-None-Match` names it. Docker and older clients send the
 * digest without the quotes, which is taken too.
 */
export function isKnownToClient(ifNoneMatch: string | null, digest: Digest): boolean {
  if (ifNoneMatch === null) return false;
  if (ifNoneMatch === "*") return true;
  return ifNoneMatch.split(",").some((part) => {
    const tag = part.trim().replace(/^W\//, "");
    return tag === digest || tag === etagOf(digest);
  });
}

/**
 * `If-Range` asks for the range only of this very content; a date never is (13.1.5: no date is
 * sent).
 */
export function isRangeWanted(ifRange: string | null, digest: Digest): boolean {
  return ifRange === null || ifRange === etagOf(digest);
}
