// To which client a request is counted. Its address is the other end of the connection, or what a
// trusted proxy says (distribution/http/forwarding.ts). Behind a proxy that is not trusted all
// clients are one: strangers among them can use up what wrong passwords they have together, and
// then new logins wait; whoever was right before does not (password-login.ts).

import { isIPv6 } from "node:net";

/** For a request without a connection; all those are one client. */
const nowhere = "";

/** An IPv4 address, or the first 64 bits of an IPv6 address: a provider gives out no less. */
export function clientOf(address: string | null): string {
  if (address === null) return nowhere;
  const plain = plainAddress(address);
  return isIPv6(plain) ? network(plain) : plain;
}

/** For the log: the whole address. */
export function shownAddress(address: string | null): string {
  return address === null ? "unknown" : plainAddress(address);
}

/** IPv4 as it is written, also where a socket of both families took the connection. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function network(address: string): string {
  const [head = "", tail] = address.toLowerCase().split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  return `${[...before, ...zeros, ...after].slice(0, 4).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  if (text === "") return [];
  return text.split(":").map((group) => group.replace(/^0+(?=.)/, ""));
}
