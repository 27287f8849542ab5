// Under which name a caller reaches us: what was configured, else what a proxy or the caller says.
// It only ever goes back to that caller, in `Location` and in the realm of a challenge. // hot path

import type { IncomingHttpHeaders } from "node:http";
import { isRegistryHost } from "@sampan/oci/model";

/** Scheme, host and port, no slash at the end; empty when nothing sound says it. */
export type OriginOf = (headers: IncomingHttpHeaders) => string;

/** `externalUrl` null: it is read from each request. */
export function createOriginOf(externalUrl: string | null): OriginOf {
  if (externalUrl !== null) {
    const origin = new URL(externalUrl).origin;
    return () => origin;
  }
  // Nearly all requests say the same; a host is looked at closely only when it is a new one.
  let knownHost = "";
  let knownSound = false;
  return (headers) => {
    const host = first(headers["x-forwarded-host"]) ?? headers.host ?? "";
    if (host !== knownHost) {
      knownHost = host;
      knownSound = isRegistryHost(host);
    }
    if (!knownSound) return "";
    return first(headers["x-forwarded-proto"]) === "https" ? `https://${host}` : `http://${host}`;
  };
}

/** Proxies append: the first value is that of the one nearest to the caller. */
function first(value: string | string[] | undefined): string | null {
  const text = typeof value === "string" ? value : value?.[0];
  if (text === undefined) return null;
  const comma = text.indexOf(",");
  return comma === -1 ? text : text.slice(0, comma).trim();
}
