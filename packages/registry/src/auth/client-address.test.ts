// Which addresses are one client.

import assert from "node:assert/strict";
import test from "node:test";
import { clientOf } from "./client-address.ts";

const check = (address: string | null, expected: string): void =>
  assert.equal(clientOf(address), expected, String(address));

test("an IPv4 address is a client, also where IPv6 carries it", () => {
  check("192.0.2.7", "192.0.2.7");
  check("::ffff:192.0.2.7", "192.0.2.7");
  check("::FFFF:192.0.2.7", "192.0.2.7");
});

test("the addresses of an IPv6 network are one client", () => {
  check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
  check("2001:DB8:0001:2::1", "2001:db8:1:2::/64");
  check("2001:db8::1", "2001:db8:0:0::/64");
  check("2001:db8::", "2001:db8:0:0::/64");
  check("::1", "0:0:0:0::/64");
  check("fe80::1:2:3:4%eth0", "fe80:0:0:0::/64");
});

test("who has no address is the same client as all others without", () => check(null, ""));
