// Networks of IP addresses, and whether an address is in one of them.

import { BlockList, isIP } from "node:net";

/** As it is written in CIDR: an address and how many of its first bits count (RFC 4632). */
export interface Network {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

export type IsWithin = (address: string) => boolean;

/** The answer takes plain addresses of both families; of anything else it is false. */
export function createIsWithin(networks: readonly Network[]): IsWithin {
  const list = new BlockList();
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family);
  return (address) => {
    const family = isIP(address);
    // A zone names an interface of one machine; no network is written with one.
    if (family === 0 || address.includes("%")) return false;
    return list.check(address, family === 6 ? "ipv6" : "ipv4");
  };
}
