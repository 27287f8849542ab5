// Which requests are taken for those of another site's page.

import assert from "node:assert/strict";
import test from "node:test";
import { isCrossSite } from "./cross-site.ts";
import { createOriginOf } from "./origin.ts";

const host = "registry.test:8080";

function check(
  headers: Readonly<Record<string, string>>,
  expected: boolean,
  { method = "POST", externalUrl = null as string | null } = {},
): void {
  const actual = isCrossSite(method, { host, ...headers }, createOriginOf(externalUrl));
  assert.equal(actual, expected, `${method} ${JSON.stringify(headers)} ${externalUrl}`);
}

test("a client that is no browser says neither Origin nor Sec-Fetch-Site", () => check({}, false));

test("another site's Origin is foreign, our own is not", () => {
  check({ origin: "http://evil.example" }, true);
  check({ origin: "http://registry.test" }, true);
  check({ origin: "http://registry.test:8080.evil.example" }, true);
  check({ origin: "null" }, true);
  check({ origin: "" }, true);
  check({ origin: "http://registry.test:8080" }, false);
  check({ origin: "http://REGISTRY.test:8080" }, false);
  check({ origin: "https://registry.test", host: "registry.test:443" }, false);
});

test("behind a proxy the name that clients use is our own", () => {
  const externalUrl = "https://hub.example";
  check({ origin: "https://hub.example" }, false, { externalUrl });
  check({ origin: "https://evil.example" }, true, { externalUrl });
  check({ origin: "https://hub.example", "x-forwarded-host": "hub.example" }, false);
});

test("a request that the browser calls cross-site is refused without an Origin too", () => {
  check({ "sec-fetch-site": "cross-site" }, true);
  check({ "sec-fetch-site": "same-origin", origin: "http://registry.test:8080" }, false);
  check({ "sec-fetch-site": "none" }, false);
});

test("what changes nothing may come from anywhere", () => {
  for (const method of ["GET", "HEAD", "OPTIONS"]) {
    check({ origin: "http://evil.example", "sec-fetch-site": "cross-site" }, false, { method });
  }
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    check({ origin: "http://evil.example" }, true, { method });
  }
});
