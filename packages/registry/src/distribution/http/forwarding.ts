// Whose word about the caller's side of a proxy is taken. Behind this, the forwarding headers of a
// request are sound: they are what a trusted proxy says, or nothing. Anyone else could make a cache
// in front keep a `Location` or a realm of their choice, and guess passwords under ever new
// addresses. // hot path

import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { Env } from "@sampan/env";
import { plainAddress } from "../../auth/client-address.ts";
import { readForwarded } from "./forwarded.ts";
import { createIsWithin, type Network } from "./networks.ts";

/** Leaves `X-Forwarded-Proto`, `-Host` and `-For` with one value each, or not there at all. */
export type SettleForwarding = (request: IncomingMessage) => void;

export function createSettleForwarding(
  env: Env,
  trustedProxies: readonly Network[],
): SettleForwarding {
  const isTrusted = createIsWithin(trustedProxies);
  let hasWarned = false;
  const warnOnce = (peer: string): void => {
    if (hasWarned) return;
    hasWarned = true;
    env.log.warn(
      "forwarding headers were ignored, because who sent them is no trusted proxy; " +
        "if it is yours, name its network in trustedProxies (this is said once)",
      { peer },
    );
  };
  return (request) => {
    const { headers, socket } = request;
    const isForwarded =
      headers["x-forwarded-for"] !== undefined ||
      headers["x-forwarded-proto"] !== undefined ||
      headers["x-forwarded-host"] !== undefined ||
      headers.forwarded !== undefined;
    if (isForwarded) {
      const peer = plainAddress(socket.remoteAddress ?? "");
      const said = isTrusted(peer) ? readForwarded(headers, isTrusted) : null;
      if (said === null) warnOnce(peer);
      delete headers.forwarded;
      put(headers, "x-forwarded-for", said?.client ?? null);
      put(headers, "x-forwarded-host", said?.host ?? null);
      put(headers, "x-forwarded-proto", said?.proto ?? null);
    }
    // Without a proxy in between the scheme is that of the connection itself.
    if (socket instanceof TLSSocket) headers["x-forwarded-proto"] ??= "https";
  };
}

function put(headers: IncomingMessage["headers"], name: string, value: string | null): void {
  if (value === null) delete headers[name];
  else headers[name] = value;
}

/**
 * Who asks: the client that a trusted proxy names, else the other end of the connection; null when
 * there is none. Only of a request whose forwarding headers are settled.
 */
export function clientAddressOf({ headers, socket }: IncomingMessage): string | null {
  const forwarded = headers["x-forwarded-for"];
  return typeof forwarded === "string" ? forwarded : (socket.remoteAddress ?? null);
}
