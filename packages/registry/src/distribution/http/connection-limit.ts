// How many connections a server holds, in all and of one client. Beyond, a new one is closed before
// a byte of it is read: it costs nothing, and who opened it sees a reset and comes again.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Env } from "@sampan/env";
import { clientOf, plainAddress } from "../../auth/client-address.ts";
import { createIsWithin, type Network } from "./networks.ts";

export interface ConnectionLimits {
  readonly max: number;
  readonly perAddressMax: number;
  /** Their clients are not told apart before a request comes: only `max` holds for them. */
  readonly trustedProxies: readonly Network[];
}

/** Made before the server has other listeners for connections. */
export function limitConnections(env: Env, server: Server, limits: ConnectionLimits): void {
  const refused = env.metrics.counter("sampan_http_connections_refused_total", {
    help: "Connections closed at once: too many in all, or of one client's address.",
    labels: ["limit"],
  });
  const isProxy = createIsWithin(limits.trustedProxies);
  const counts = new Map<string, number>();
  server.maxConnections = limits.max;
  server.on("drop", () => refused.add(1, { limit: "all" }));
  server.prependListener("connection", (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isProxy(plainAddress(remoteAddress))) return;
    const client = clientOf(remoteAddress);
    const count = (counts.get(client) ?? 0) + 1;
    if (count > limits.perAddressMax) {
      refused.add(1, { limit: "address" });
      socket.destroy();
      return;
    }
    counts.set(client, count);
    socket.once("close", () => {
      const left = (counts.get(client) ?? 1) - 1;
      if (left === 0) counts.delete(client);
      else counts.set(client, left);
    });
  });
}
