// Keys sort field by field, none begins another of its kind, and they read back.

import assert from "node:assert/strict";
import test from "node:test";
import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import { seededRandom } from "@sampan/oci/testing";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { ProjectName } from "../core/project-name.ts";
import { textSegment } from "./key-segments.ts";
import * as keys from "./keys.ts";

const random = seededRandom(7);
const pick = <T>(items: readonly T[]): T => items[random.int(items.length)] as T;

// Short texts over few characters, so that many are the beginning of others.
function anyName(): string {
  const characters = ["a", "b", "-", "0", "z"];
  return Array.from({ length: 1 + random.int(4) }, () => pick(characters)).join("");
}
const anyRepository = () =>
  Array.from({ length: 1 + random.int(3) }, anyName).join("/") as RepositoryName;
const anyTag = () => anyName() as Tag;

function anyDigest(): Digest {
  const algorithm = pick(["sha256", "sha512"]);
  const filled = pick(["00", "ff", Buffer.from(random.bytes(1)).toString("hex")]);
  return `${algorithm}:${filled.repeat(algorithm === "sha256" ? 32 : 64)}` as Digest;
}

/**
 * Compares field by field: texts by their bytes, digests by algorithm and hash, numbers by size.
 */
function compareFields(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (left === right) continue;
    if (typeof left === "bigint") return left < (right as bigint) ? -1 : 1;
    return Math.sign(Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right))));
  }
  return 0;
}

function checkOrder(
  name: string,
  make: () => { readonly fields: readonly unknown[]; readonly key: Uint8Array },
): void {
  test(`${name} keys sort as their fields do, and none begins another`, () => {
    const made = Array.from({ length: 300 }, make);
    for (const a of made) {
      for (const b of made) {
        const order = compareFields(a.fields, b.fields);
        assert.equal(Math.sign(Buffer.compare(a.key, b.key)), order);
        const begins = Buffer.compare(b.key.subarray(0, a.key.length), a.key) === 0;
        assert.equal(begins, order === 0);
      }
    }
  });
}

checkOrder("repository", () => {
  const name = anyRepository();
  return { fields: [name], key: keys.repositoryKey(name) };
});
checkOrder("tag", () => {
  const fields = [anyRepository(), anyTag()] as const;
  return { fields, key: keys.tagKey(...fields) };
});
checkOrder("manifest", () => {
  const fields = [anyRepository(), anyDigest()] as const;
  return { fields, key: keys.manifestKey(...fields) };
});
checkOrder("tag of a manifest", () => {
  const fields = [anyRepository(), anyDigest(), anyTag()] as const;
  return { fields, key: keys.manifestTagKey(...fields) };
});
checkOrder("referrer", () => {
  const fields = [anyRepository(), anyDigest(), anyDigest()] as const;
  return { fields, key: keys.referrerKey(...fields) };
});
checkOrder("reference", () => {
  const kind = pick(["link", "blob", "child", "content"] as const);
  const manifest = kind === "blob" || kind === "child" ? anyDigest() : null;
  const [digest, repository] = [anyDigest(), anyRepository()];
  const fields = [digest, BigInt(keys.referenceKinds[kind]), repository, manifest];
  return { fields, key: keys.referenceKey(digest, kind, { repository, manifest }) };
});
checkOrder("outbox", () => {
  const fields = [
    BigInt(random.int(4)) << BigInt(random.int(60)),
    BigInt(random.int(300)),
  ] as const;
  return { fields, key: keys.outboxKey(fields[0], Number(fields[1])) };
});

test("texts beyond ASCII sort by code point", () => {
  const texts = ["a", "é", "😀", "z", "\uffff", "ab", ""];
  const sorted = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const byKey = [...texts].sort((a, b) => Buffer.compare(keys.userKey(a), keys.userKey(b)));
  assert.deepEqual(byKey, sorted);
});

test("a text with a zero byte has no key", () => {
  assert.throws(() => textSegment("a\0b"), /zero byte/);
});

test("keys read back", () => {
  for (let count = 0; count < 300; count += 1) {
    const [repository, subject, digest, tag] = [
      anyRepository(),
      anyDigest(),
      anyDigest(),
      anyTag(),
    ];
    const referrer = keys.readKey(keys.referrerKey(repository, subject, digest));
    const fields = [referrer.text(), referrer.digest(), referrer.digest()];
    assert.deepEqual(fields, [repository, subject, digest]);
    const tagged = keys.readKey(keys.manifestTagKey(repository, digest, tag));
    assert.deepEqual([tagged.text(), tagged.digest(), tagged.text()], [repository, digest, tag]);
  }
  assert.equal(keys.readKey(keys.eventKey(2 ** 40)).u64(), 2n ** 40n);
});

test("no two kinds of key share their letters", () => {
  const prefixes = Object.values(keys.keyPrefixes);
  assert.equal(new Set(prefixes).size, prefixes.length);
  for (const prefix of prefixes) assert.equal(prefix.length, keys.prefixBytes);
});

const within = (key: Uint8Array, range: { start: Uint8Array; end: Uint8Array | null }) =>
  Buffer.compare(key, range.start) >= 0 &&
  (range.end === null || Buffer.compare(key, range.end) < 0);

test("a range behind a text holds what sorts behind it, whatever the text", () => {
  const repository = "library/x" as RepositoryName;
  for (let count = 0; count < 2_000; count += 1) {
    const tag = anyTag();
    const after = pick([anyName(), `${tag}`, `${tag}0`, "", "\0", "é", "~".repeat(2_000)]);
    const behind = Buffer.compare(Buffer.from(tag), Buffer.from(after)) > 0;
    // A zero byte in the text from outside cannot be told from a tag's end, so it counts as that
    // tag.
    const expected = after.includes("\0") ? true : behind;
    assert.equal(within(keys.tagKey(repository, tag), keys.tagsRange(repository, after)), expected);
  }
});

test("the repositories of a project are those that start with its name and a slash", () => {
  const project = "ab" as ProjectName;
  const check = (name: string, after: string | null, expected: boolean) => {
    const key = keys.repositoryKey(name as RepositoryName);
    assert.equal(within(key, keys.repositoriesRange(project, after)), expected, name);
  };
  check("ab/c", null, true);
  check("ab/c/d", null, true);
  check("abc/d", null, false);
  check("a/b", null, false);
  check("ab/c", "ab/c", false);
  check("ab/d", "ab/c", true);
  check("ab/c", "zz", false);
  check("ab/c", "a", true);
});

test("a range ends where the last byte cannot grow", () => {
  const full = `sha256:${"ff".repeat(32)}` as Digest;
  const repository = "library/x" as RepositoryName;
  const range = keys.manifestTagsRange(repository, full);
  assert.ok(within(keys.manifestTagKey(repository, full, "t" as Tag), range));
  assert.ok(!within(keys.manifestTagKey("library/y" as RepositoryName, full, "t" as Tag), range));
  const behind = keys.referrersRange(repository, full, full);
  assert.ok(!within(keys.referrerKey(repository, full, full), behind));
});

test("the longest names make keys that every store takes", () => {
  const repository = "a".repeat(255) as RepositoryName;
  const digest = `sha512:${"ff".repeat(64)}` as Digest;
  const by = { repository, manifest: digest };
  assert.ok(keys.referenceKey(digest, "blob", by).length < 1_024);
  assert.ok(keys.locationKey("x".repeat(1_000) as BlobLocation).length < 4_096);
});
