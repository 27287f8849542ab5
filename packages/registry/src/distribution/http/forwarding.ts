// Whose word about the caller's side of a proxy is taken. A proxy stands in the same network as the
// registry; anyone else could make a cache in front keep a `Location` or a realm of their choice.

import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Loopback, private, link-local and shared (RFC 6890) networks. */
const near = [
  ["127.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["::1", 128, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
] as const;
const mapped = "::ffff:";

/** Takes `X-Forwarded-Host` and `-Proto` from a request that no proxy nearby can have sent. */
export type DropForeignForwarding = (request: IncomingMessage) => void;

export function createDropForeignForwarding(): DropForeignForwarding {
  const networks = new BlockList();
  for (const [address, bits, family] of near) networks.addSubnet(address, bits, family);
  return (request) => {
    const { headers } = request;
    const host = headers["x-forwarded-host"];
    if (host === undefined && headers["x-forwarded-proto"] === undefined) return;
    if (isNear(networks, request.socket.remoteAddress ?? "")) return;
    delete headers["x-forwarded-host"];
    delete headers["x-forwarded-proto"];
  };
}

function isNear(networks: BlockList, remote: string): boolean {
  const address = remote.startsWith(mapped) ? remote.slice(mapped.length) : remote;
  const family = isIP(address);
  return family !== 0 && networks.check(address, family === 6 ? "ipv6" : "ipv4");
}
