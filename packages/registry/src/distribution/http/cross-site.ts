// Requests that another site's page makes a browser send. A browser that once logged in with Basic
// adds the password to them by itself, and a plain HTML form needs no permission (CORS) to send.

import type { IncomingHttpHeaders } from "node:http";
import type { OriginOf } from "./origin.ts";

/** RFC 9110, section 9.2.1. */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Would it change something for a page of another site? Browsers say who asks in `Sec-Fetch-Site`
 * (Fetch Metadata) and `Origin` (RFC 6454, section 7; `null` from a page that hides it); other
 * clients send neither. A proxy may rewrite `Host`, so the origin under which clients reach us is
 * as good as it.
 */
export function isCrossSite(
  method: string,
  headers: IncomingHttpHeaders,
  originOf: OriginOf,
): boolean {
  if (safeMethods.has(method)) return false;
  if (headers["sec-fetch-site"] === "cross-site") return true;
  const { origin, host = "" } = headers;
  if (origin === undefined) return false;
  const from = parseUrl(origin);
  if (from === null) return true;
  // A port that is the scheme's own is left out of an origin, and may stand in Host.
  const own = [`${from.protocol}//${host}`, originOf(headers)].map((url) => parseUrl(url)?.host);
  return !own.includes(from.host);
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
