// An HTTP server's life at the edge: take an address or say why not, and at the end let requests
// under way finish, for a bounded time.

import type { Server } from "node:http";
import { isIP } from "node:net";
import { type Env, err, errorCode, errorMessage, ok, type Result } from "@sampan/env";
import { Connections } from "@sampan/registry";
import { type Address, formatAddress } from "../config/config.ts";

export interface Listener {
  /** Where it really listens: a port that was 0 is known now. */
  readonly address: Address;
  /** Takes no more connections, waits for requests under way, then cuts what is left. */
  drain(timeoutMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly address: Address;
  /** For the message: the flag that chooses another address. */
  readonly flag: string;
}

/**
 * The server has its listeners. The error is one line for the operator: what is wrong with which
 * address, and the next step.
 */
export async function listen(
  env: Env,
  server: Server,
  options: ListenOptions,
): Promise<Result<Listener, string>> {
  const { host, port } = options.address;
  const connections = new Connections(server);
  const failure = await new Promise<unknown>((resolve) => {
    server.once("error", resolve);
    server.listen({ port, ...(host === "" ? {} : { host }) }, () => {
      server.off("error", resolve);
      resolve(null);
    });
  });
  if (failure !== null) return err(explain(options, failure));

  const bound = server.address();
  const actual = typeof bound === "object" && bound !== null ? bound.port : port;
  return ok({
    address: { host, port: actual },
    drain: (timeoutMs) => drain(env, { server, connections }, timeoutMs),
  });
}

/** How often connections that became idle are looked for: keep-alive would hold them 75 s. */
const idleCheckMs = 20;
/** A connection that was just opened may still ask; browsers and balancers open some that never do. */
const freshWaitMs = 500;

interface Draining {
  readonly server: Server;
  readonly connections: Connections;
}

async function drain(
  env: Env,
  { server, connections }: Draining,
  timeoutMs: number,
): Promise<void> {
  let closed = false;
  server.close(() => {
    closed = true;
  });
  const start = env.clock.monotonic();
  const end = start + timeoutMs;
  while (!closed && env.clock.monotonic() < end) {
    // Not Node's closeIdleConnections: it spares fresh ones for ever, and takes an answer for
    // finished before its bytes are out.
    connections.destroyIdle({ sparesFresh: env.clock.monotonic() < start + freshWaitMs });
    await env.clock.sleep(idleCheckMs);
  }
  if (closed) return;
  env.log.warn("requests did not finish in time and were cut", { timeoutMs });
  server.closeAllConnections();
}

function explain({ address, flag }: ListenOptions, error: unknown): string {
  const place = formatAddress(address);
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return `${place} is in use by another program; stop that, or choose another with ${flag}`;
    case "EACCES":
      return `${place} needs more rights (ports below 1024 do); choose a higher one with ${flag}`;
    case "EADDRNOTAVAIL":
      return `${place} is no address of this machine; choose another with ${flag}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${address.host} cannot be resolved; choose another with ${flag}`;
    case "EAFNOSUPPORT":
      return `this machine has no IPv${isIP(address.host)}; choose another with ${flag}`;
    default:
      return `cannot listen on ${place}: ${errorMessage(error)}; choose another with ${flag}`;
  }
}
