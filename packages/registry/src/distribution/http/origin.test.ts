import assert from "node:assert/strict";
import { test } from "node:test";
import { createOriginOf } from "./origin.ts";

function check(headers: Record<string, string>, expected: string, external?: string): void {
  test(`${external ?? JSON.stringify(headers)} is ${expected || "nothing"}`, () => {
    const originOf = createOriginOf(external ?? null);
    assert.equal(originOf(headers), expected);
    assert.equal(originOf(headers), expected);
  });
}

check({ host: "registry.example" }, "http://registry.example");
check({ host: "127.0.0.1:8080" }, "http://127.0.0.1:8080");
check({ host: "[::1]:8080" }, "http://[::1]:8080");
check({ host: "inside:1", "x-forwarded-host": "outside.example" }, "http://outside.example");
check({ host: "a.example", "x-forwarded-proto": "https" }, "https://a.example");
check({ host: "a.example", "x-forwarded-proto": "https, http" }, "https://a.example");
check({ host: "a.example", "x-forwarded-proto": "javascript" }, "http://a.example");
check({ host: "i", "x-forwarded-host": "o.example, p.example" }, "http://o.example");
check({}, "");
check({ host: "a b" }, "");
check({ host: 'x"><script>' }, "");
check({ host: "user@evil.example" }, "");
check({ host: "ignored" }, "https://registry.example", "https://registry.example/");

test("a host that changes from request to request is looked at anew", () => {
  const originOf = createOriginOf(null);
  assert.equal(originOf({ host: "a.example" }), "http://a.example");
  assert.equal(originOf({ host: "not a host" }), "");
  assert.equal(originOf({ host: "a.example" }), "http://a.example");
});
