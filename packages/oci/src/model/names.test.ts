// Names, tags, references and image references: which texts are one.

import assert from "node:assert/strict";
import test from "node:test";
import { formatImageReference, isRegistryHost, parseImageReference } from "./image-reference.ts";
import { formatReference, parseReference, parseRepositoryName, parseTag } from "./names.ts";

const digest = `sha256:${"ab".repeat(32)}`;

function checkName(text: string, expected: boolean): void {
  assert.equal(parseRepositoryName(text).ok, expected, JSON.stringify(text));
}

function checkTag(text: string, expected: boolean): void {
  assert.equal(parseTag(text).ok, expected, JSON.stringify(text));
}

test("a repository name is components of lower case with single separators between", () => {
  for (const name of ["a", "library", "library/alpine", "a/b/c/d/e", "0", "a.b", "a_b", "a__b"]) {
    checkName(name, true);
  }
  for (const name of ["a-b", "a---b", "a1.2-3_4__5/x", "a".repeat(255)]) checkName(name, true);
  checkName(`${"a/".repeat(127)}a`, true);
});

test("a name that is empty, too long or has an empty component is refused", () => {
  for (const name of ["", "/", "a/", "/a", "a//b", "a".repeat(256), `${"a/".repeat(127)}ab`]) {
    checkName(name, false);
  }
});

test("no trick on paths survives as a name", () => {
  const tricks = [
    "..",
    "../a",
    "a/..",
    "a/../b",
    "a/./b",
    ".",
    "a\\b",
    "a/..%2f",
    "%2e%2e",
    "a\0b",
  ];
  for (const name of tricks) checkName(name, false);
  for (const name of ["a b", "a\n", "a:b", "a@b", "~a", "a?b", "a#b", "é", "a/_uploads"]) {
    checkName(name, false);
  }
});

test("separators at the ends of a component or of two kinds in a row are refused", () => {
  for (const name of [".a", "a.", "-a", "a-", "_a", "a_", "a..b", "a___b", "a.-b", "a_.b"]) {
    checkName(name, false);
  }
  checkName("Library/alpine", false);
});

test("a tag is up to 128 word characters, dots and dashes, a word character first", () => {
  for (const tag of ["latest", "v1", "1", "_", "A.b-C_d", "sha256-ab.sig", "x".repeat(128)]) {
    checkTag(tag, true);
  }
  const bad = ["", ".", "-a", ".a", "..", "a/b", "a b", "a\n", "a:b", "a%41", "x".repeat(129)];
  for (const tag of bad) checkTag(tag, false);
});

test("a reference with a colon is a digest, any other a tag", () => {
  assert.deepEqual(parseReference("v1"), { ok: true, value: { type: "tag", tag: "v1" } });
  assert.deepEqual(parseReference(digest), { ok: true, value: { type: "digest", digest } });
  assert.deepEqual(parseReference("-v1"), { ok: false, error: "tag-invalid" });
  assert.deepEqual(parseReference("sha256:1"), { ok: false, error: "digest-invalid" });
  assert.deepEqual(parseReference("md5:00"), { ok: false, error: "digest-unsupported" });
  for (const text of ["v1", digest]) {
    const reference = parseReference(text);
    assert.ok(reference.ok && formatReference(reference.value) === text);
  }
});

interface Parts {
  readonly registry?: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

function checkImage(text: string, expected: Parts | string): void {
  const image = parseImageReference(text);
  if (typeof expected === "string") {
    assert.equal(image.ok ? "ok" : image.error, expected, text);
    return;
  }
  const { registry = null, repository, tag = null, digest: wanted = null } = expected;
  assert.deepEqual(image, { ok: true, value: { registry, repository, tag, digest: wanted } }, text);
  assert.ok(image.ok && formatImageReference(image.value) === text);
}

test("an image reference is split into registry, name, tag and digest", () => {
  checkImage("alpine", { repository: "alpine" });
  checkImage("alpine:3", { repository: "alpine", tag: "3" });
  checkImage("library/alpine:3", { repository: "library/alpine", tag: "3" });
  checkImage("localhost/a", { registry: "localhost", repository: "a" });
  checkImage("localhost:5000/a/b:v1", { registry: "localhost:5000", repository: "a/b", tag: "v1" });
  checkImage("reg.example/a", { registry: "reg.example", repository: "a" });
  checkImage("127.0.0.1:80/a", { registry: "127.0.0.1:80", repository: "a" });
  checkImage("[::1]:5000/a:t", { registry: "[::1]:5000", repository: "a", tag: "t" });
  checkImage(`a@${digest}`, { repository: "a", digest });
  checkImage(`r.io/a:t@${digest}`, { registry: "r.io", repository: "a", tag: "t", digest });
  checkImage("Host/a", { registry: "Host", repository: "a" });
  // Without a slash there is no registry: the port reads as a tag, as Docker reads it.
  checkImage("localhost:5000", { repository: "localhost", tag: "5000" });
});

test("an image reference that is wrong names the part that is", () => {
  checkImage("", "name-invalid");
  checkImage("a:", "tag-invalid");
  checkImage("a@", "digest-invalid");
  checkImage("a@sha256:12", "digest-invalid");
  checkImage("Alpine", "name-invalid");
  checkImage("a/../b", "name-invalid");
  checkImage("r.io:99999/a", "registry-invalid");
  checkImage("r.io:/a", "registry-invalid");
  checkImage("-r.io/a", "registry-invalid");
  checkImage("r..io/a", "registry-invalid");
  checkImage("a".repeat(2000), "name-invalid");
});

test("a registry host is a name or an address with or without a port", () => {
  for (const host of ["a", "a.b", "A-1.b", "1.2.3.4", "1.2.3.4:5", "[::1]", "[fe80::1]:65535"]) {
    assert.ok(isRegistryHost(host), host);
  }
  const bad = ["", ":80", "a:0", "a:x", "a:80:80", "::1", "a_b", "a/b", "[::1", "a@b", "-a", "a-"];
  for (const host of bad) assert.ok(!isRegistryHost(host), host);
});
