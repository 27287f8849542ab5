// What is believed of the headers that proxies write, and that clients make up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Forwarded, readForwarded } from "./forwarded.ts";
import { createIsWithin } from "./networks.ts";

const isTrusted = createIsWithin([
  { address: "10.0.0.0", bits: 8, family: "ipv4" },
  { address: "fd00::", bits: 8, family: "ipv6" },
]);

function check(headers: Record<string, string>, expected: Partial<Forwarded>): void {
  const actual = readForwarded(headers, isTrusted);
  const whole = { client: null, proto: null, host: null, ...expected };
  assert.deepEqual(actual, whole, JSON.stringify(headers));
}

const addresses = (text: string, client: string | null) =>
  check({ "x-forwarded-for": text }, { client });

test("the client is the right-most address that is no trusted proxy", () => {
  addresses("192.0.2.1", "192.0.2.1");
  addresses("198.51.100.66, 192.0.2.1", "192.0.2.1");
  addresses("198.51.100.66, 192.0.2.1, 10.0.0.1, 10.0.0.2", "192.0.2.1");
  addresses("192.0.2.1,10.0.0.1", "192.0.2.1");
  addresses("2001:db8::7, fd00::1", "2001:db8::7");
  addresses("10.0.0.9, 10.0.0.1", "10.0.0.9");
});

test("an address may have a port and brackets, and IPv6 may carry an IPv4 one", () => {
  addresses("192.0.2.1:4711", "192.0.2.1");
  addresses("[2001:db8::7]:4711", "2001:db8::7");
  addresses("[2001:db8::7]", "2001:db8::7");
  addresses("::ffff:192.0.2.1", "192.0.2.1");
});

test("what is no address ends the way, and nothing left of it counts", () => {
  addresses("192.0.2.1, unknown", null);
  addresses("192.0.2.1, unknown, 10.0.0.1", "10.0.0.1");
  addresses("fe80::1%eth0", null);
  addresses("192.0.2.1, 300.1.1.1", null);
  addresses(" , ", null);
});

test("scheme and host are those that the proxy next to the client saw", () => {
  const check3 = (address: string, proto: string, host: string, expected: Partial<Forwarded>) =>
    check(
      { "x-forwarded-for": address, "x-forwarded-proto": proto, "x-forwarded-host": host },
      expected,
    );
  const client = "192.0.2.1";
  check3("192.0.2.1", "https", "a", { client, proto: "https", host: "a" });
  check3("192.0.2.1, 10.0.0.1", "https, http", "a, b", { client, proto: "https", host: "a" });
  check3("192.0.2.1, 10.0.0.1", "https", "a", { client, proto: "https", host: "a" });
  check3("192.0.2.1", "https, http", "evil, a", { client, proto: "http", host: "a" });
  check({ "x-forwarded-proto": "https" }, { proto: "https" });
});

test("Forwarded is read like the others, and only without them", () => {
  check({ forwarded: "for=192.0.2.1" }, { client: "192.0.2.1" });
  check(
    { forwarded: 'For="[2001:db8:cafe::17]:4711";Proto=https;Host="a:1"' },
    { client: "2001:db8:cafe::17", proto: "https", host: "a:1" },
  );
  check(
    { forwarded: "for=198.51.100.66;host=evil , for=192.0.2.1;proto=https;host=a, for=10.0.0.1" },
    { client: "192.0.2.1", proto: "https", host: "a" },
  );
  check({ forwarded: "for=192.0.2.1, for=10.0.0.1;host=b" }, { client: "192.0.2.1", host: "b" });
  check({ forwarded: "for=_hidden;proto=https" }, { proto: "https" });
  check(
    { forwarded: "for=198.51.100.66", "x-forwarded-for": "192.0.2.1" },
    { client: "192.0.2.1" },
  );
});

test("a Forwarded that is not well formed says nothing", () => {
  for (const forwarded of [
    "",
    "for",
    "for=",
    'for="192.0.2.1',
    "for=192.0.2.1;",
    "=x",
    ",",
    "a=b c",
  ]) {
    check({ forwarded }, {});
  }
  check({ forwarded: `for=${"a".repeat(16_000)}` }, {});
});
