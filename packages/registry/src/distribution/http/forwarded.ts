// What the proxies in front say of a request, read from its headers: `Forwarded` (RFC 7239), or the
// three `X-Forwarded-…` that were there before it. Each proxy appends, so that a list is read from
// its right end: what stands there was written by the proxy that we see, what stands left of the
// first address that is no proxy of ours may have been written by anyone. Pure.

import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { plainAddress } from "../../auth/client-address.ts";
import type { IsWithin } from "./networks.ts";

/** Of the client, as the outermost trusted proxy saw it; null: nobody says. */
export interface Forwarded {
  readonly client: string | null;
  readonly proto: string | null;
  readonly host: string | null;
}

const nothing: Forwarded = { client: null, proto: null, host: null };

/**
 * `Forwarded` counts only where none of the others is: proxies that write those know nothing of it
 * and hand on the one that a client made up.
 */
export function readForwarded(headers: IncomingHttpHeaders, isTrusted: IsWithin): Forwarded {
  const addresses = listOf(headers["x-forwarded-for"]);
  const protos = listOf(headers["x-forwarded-proto"]);
  const hosts = listOf(headers["x-forwarded-host"]);
  if (addresses.length + protos.length + hosts.length > 0) {
    const { client, fromRight } = walk(addresses, isTrusted);
    return { client, proto: nthLast(protos, fromRight), host: nthLast(hosts, fromRight) };
  }
  const elements = parseForwarded(headers.forwarded ?? "");
  if (elements === null || elements.length === 0) return nothing;
  const nodes = elements.map((element) => element.get("for") ?? "");
  const { client, fromRight } = walk(nodes, isTrusted);
  // A proxy further in may be the one that says which host was asked for.
  const known = elements.slice(elements.length - 1 - fromRight);
  const say = (name: string) => known.find((element) => element.has(name))?.get(name) ?? null;
  return { client, proto: say("proto"), host: say("host") };
}

interface Walked {
  readonly client: string | null;
  /** How many places from the right end the walk stopped: so many proxies of ours lie behind. */
  readonly fromRight: number;
}

/** From our side outwards, to the first address that is no trusted proxy's, or that is none. */
function walk(nodes: readonly string[], isTrusted: IsWithin): Walked {
  let client: string | null = null;
  for (let fromRight = 0; fromRight < nodes.length; fromRight += 1) {
    const address = addressOf(nodes[nodes.length - 1 - fromRight] ?? "");
    if (address === null) return { client, fromRight };
    client = address;
    if (!isTrusted(address)) return { client, fromRight };
  }
  return { client, fromRight: Math.max(0, nodes.length - 1) };
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; null: no address. */
function addressOf(node: string): string | null {
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/.exec(node)?.[1] ?? /^([\d.]+):\d+$/.exec(node)?.[1] ?? node;
  const address = plainAddress(bare);
  return isIP(address) === 0 || address.includes("%") ? null : address;
}

function nthLast(values: readonly string[], fromRight: number): string | null {
  return values[Math.max(0, values.length - 1 - fromRight)] ?? null;
}

/** node:http has joined what came in several lines. */
function listOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return String(value)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** One pair and what ends it: `;` goes on with the same proxy's, `,` begins the next one's. */
const pair = /[ \t]*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(;|,|$)/y;

/** Names in lower case. Null: it is not well formed, and none of it can be believed. */
function parseForwarded(text: string): ReadonlyMap<string, string>[] | null {
  if (text === "") return [];
  const elements: Map<string, string>[] = [new Map()];
  const pattern = new RegExp(pair);
  for (;;) {
    const [, name = "", quoted, bare = "", end] = pattern.exec(text) ?? [];
    if (end === undefined) return null;
    const value = quoted === undefined ? bare : quoted.replace(/\\(.)/g, "$1");
    elements.at(-1)?.set(name.toLowerCase(), value);
    if (end === "") return elements;
    if (end === ",") elements.push(new Map());
  }
}
