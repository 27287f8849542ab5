// Challenges, links and waits as registries write them.

import assert from "node:assert/strict";
import test from "node:test";
import { parseChallenges, parseNextLink, parseRetryAfter } from "./challenge.ts";

function check(header: string, expected: [string, Record<string, string>][]): void {
  const read = parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
  assert.deepEqual(read, expected, header);
}

test("challenges are read with their parameters", () => {
  check('Basic realm="Registry Realm"', [["basic", { realm: "Registry Realm" }]]);
  check('Bearer realm="https://a/token",service="reg",scope="repository:a/b:pull,push"', [
    ["bearer", { realm: "https://a/token", service: "reg", scope: "repository:a/b:pull,push" }],
  ]);
  check("bearer realm=x , service = y", [["bearer", { realm: "x", service: "y" }]]);
  check('BASIC Realm="a \\"b\\""', [["basic", { realm: 'a "b"' }]]);
  check("Negotiate", [["negotiate", {}]]);
});

test("several challenges in one header are told apart", () => {
  check('Basic realm="a", Bearer realm="b",service="c"', [
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b", service: "c" }],
  ]);
  check('Negotiate, Basic realm="a"', [
    ["negotiate", {}],
    ["basic", { realm: "a" }],
  ]);
});

test("what is no challenge gives none, and no input takes long", () => {
  check("", []);
  check('"', []);
  check("=", []);
  check('Basic realm="open', [["basic", {}]]);
  check("a ".repeat(4000), parseManyAs("a", 16));
  check("x".repeat(9000), []);
});

function parseManyAs(scheme: string, count: number): [string, Record<string, string>][] {
  return Array.from({ length: count }, () => [scheme, {}]);
}

test("the next page is the target of rel next", () => {
  const check = (header: string | null, expected: string | null) =>
    assert.equal(parseNextLink(header), expected, header ?? "");
  check('</v2/a/tags/list?n=2&last=b>; rel="next"', "/v2/a/tags/list?n=2&last=b");
  check("<x>;rel=next", "x");
  check('<y>; rel="prev", <x>; rel="next"', "x");
  check('<y>; rel="prev"', null);
  check('<y>; rel="nextish"', null);
  check("", null);
  check(null, null);
});

test("a wait is seconds, or a time that is later than the answer's own", () => {
  const now = "Wed, 21 Oct 2015 07:28:00 GMT";
  const check = (header: string | null, date: string | null, ms: number | null) =>
    assert.equal(parseRetryAfter(header, date), ms);
  check("30", null, 30_000);
  check("0", now, 0);
  check("Wed, 21 Oct 2015 07:28:09 GMT", now, 9_000);
  check("Wed, 21 Oct 2015 07:27:00 GMT", now, 0);
  check("Wed, 21 Oct 2015 07:28:09 GMT", null, null);
  check("-1", now, null);
  check("soon", now, null);
  check(null, now, null);
});
