// What is a digest and what is not.

import assert from "node:assert/strict";
import test from "node:test";
import type { Digest, DigestFailure } from "./digest.ts";
import {
  computeDigest,
  createDigester,
  digestAlgorithm,
  digestHex,
  parseDigest,
  verifyDigest,
} from "./digest.ts";

const hex64 = "0123456789abcdef".repeat(4);
const hex128 = hex64.repeat(2);

function check(text: string, expected: "ok" | DigestFailure): void {
  const digest = parseDigest(text);
  assert.equal(digest.ok ? "ok" : digest.error, expected, text);
}

test("sha256 and sha512 of the right length in lower case are digests", () => {
  check(`sha256:${hex64}`, "ok");
  check(`sha512:${hex128}`, "ok");
});

test("a wrong length, upper case or a foreign letter is no digest", () => {
  check(`sha256:${hex64.slice(1)}`, "digest-invalid");
  check(`sha256:${hex64}0`, "digest-invalid");
  check(`sha256:${hex128}`, "digest-invalid");
  check(`sha512:${hex64}`, "digest-invalid");
  check(`sha256:${hex64.toUpperCase()}`, "digest-invalid");
  check(`sha256:${"g".repeat(64)}`, "digest-invalid");
  check(`sha256:${"=".repeat(64)}`, "digest-invalid");
});

test("text that does not follow the grammar is no digest", () => {
  check("", "digest-invalid");
  check(":", "digest-invalid");
  check("sha256", "digest-invalid");
  check("sha256:", "digest-invalid");
  check(`:${hex64}`, "digest-invalid");
  check(`SHA256:${hex64}`, "digest-invalid");
  check(`sha256:${hex64}\n`, "digest-invalid");
  check(` sha256:${hex64}`, "digest-invalid");
  check(`sha256:../../../../etc/passwd`, "digest-invalid");
  check(`sha256+:${hex64}`, "digest-invalid");
  check(`sha256:${hex64}:${hex64}`, "digest-invalid");
  check(`sha256:${"0".repeat(300)}`, "digest-invalid");
});

test("a well-formed digest of another algorithm is told apart", () => {
  check(`md5:${"0".repeat(32)}`, "digest-unsupported");
  check("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "digest-unsupported");
  check(`blake3:${hex64}`, "digest-unsupported");
  check(`constructor:${hex64}`, "digest-unsupported");
});

test("a digest gives its parts back", () => {
  const digest = `sha512:${hex128}` as Digest;
  assert.equal(digestAlgorithm(digest), "sha512");
  assert.equal(digestHex(digest), hex128);
});

test("the digest of no bytes is the known one", () => {
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  assert.equal(computeDigest(new Uint8Array(0)), `sha256:${empty}`);
});

test("bytes in parts have the digest of the whole, for both algorithms", () => {
  const bytes = Buffer.from("a sampan carries cargo where big ships cannot go");
  for (const algorithm of ["sha256", "sha512"] as const) {
    const digester = createDigester(algorithm);
    digester.update(bytes.subarray(0, 7));
    digester.update(bytes.subarray(7));
    assert.equal(digester.finish(), computeDigest(bytes, algorithm));
    assert.ok(verifyDigest(computeDigest(bytes, algorithm), bytes));
    assert.ok(!verifyDigest(computeDigest(bytes, algorithm), bytes.subarray(1)));
  }
});
