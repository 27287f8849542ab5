// Records read back what was written, and refuse what they do not know.

import assert from "node:assert/strict";
import test from "node:test";
import type { Digest } from "@sampan/oci/model";
import { seededRandom } from "@sampan/oci/testing";
import { decodeBlob, decodeBlobLink, encodeBlob, encodeBlobLink } from "./blob-records.ts";
import { decodeContent, decodeOutline, encodeContent, encodeOutline } from "./content.ts";
import { decodeLocation, encodeLocation } from "./locations.ts";
import { decodeManifest, decodeTag, encodeManifest, encodeTag } from "./manifest-records.ts";
import { decodeJson, encodeJson, RecordReader, RecordWriter } from "./record-bytes.ts";
import { decodeRepository, encodeRepository } from "./repositories.ts";
import { digestOf, location } from "./testing/meta-world.ts";

const sha512 = `sha512:${"ab".repeat(64)}` as Digest;
const condemned = { type: "condemned", atTs: 2n ** 63n } as const;
const live = { type: "live" } as const;
const docker = "application/vnd.docker.distribution.manifest.v2+json";

interface Codec<Record> {
  readonly encode: (record: Record) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Record;
  readonly records: readonly Record[];
}

const codec = <Record>(all: Codec<Record>) => all;

const codecs = {
  tag: codec({
    encode: encodeTag,
    decode: decodeTag,
    records: [
      { digest: digestOf("a"), mediaType: docker, bytes: 429, pushedMs: 1_700_000_000_000 },
      { digest: sha512, mediaType: "application/x.unheard-of+json", bytes: 0, pushedMs: 0 },
    ],
  }),
  manifest: codec({
    encode: encodeManifest,
    decode: decodeManifest,
    records: [
      { mediaType: docker, bytes: 1, pushedMs: 2, totalBytes: 2 ** 52, artifactType: null },
      { mediaType: "x/y", bytes: 2 ** 22, pushedMs: 2, totalBytes: 9, artifactType: "a/é" },
    ],
  }),
  blob: codec({
    encode: encodeBlob,
    decode: decodeBlob,
    records: [
      { state: live, bytes: 2 ** 40, location: location("ab/cd") },
      { state: condemned, bytes: 0, location: location("x") },
    ],
  }),
  blobLink: codec({
    encode: encodeBlobLink,
    decode: decodeBlobLink,
    records: [
      { state: live, linkedMs: 1 },
      { state: condemned, linkedMs: 2 },
    ],
  }),
  repository: codec({
    encode: encodeRepository,
    decode: decodeRepository,
    records: [
      { state: live, createdMs: 5 },
      { state: condemned, createdMs: 6 },
    ],
  }),
  outline: codec({
    encode: encodeOutline,
    decode: decodeOutline,
    records: [
      { subject: null, blobs: [digestOf("a"), sha512], children: [] },
      { subject: sha512, blobs: [], children: [digestOf("b")] },
    ],
  }),
  location: codec({
    encode: encodeLocation,
    decode: decodeLocation,
    records: [
      { type: "upload", id: "11111111-1111-4111-8111-111111111111" },
      { type: "blob", digest: digestOf("a") },
      { type: "manifest", digest: sha512 },
    ],
  }),
};

for (const [name, { encode, decode, records }] of Object.entries(codecs) as [
  string,
  Codec<unknown>,
][]) {
  test(`a ${name} record reads back`, () => {
    for (const record of records) assert.deepEqual(decode(encode(record)), record);
  });

  test(`a ${name} record that is cut short or of a newer version is refused`, () => {
    for (const record of records) {
      const bytes = encode(record);
      for (let end = 0; end < bytes.length; end += 1) {
        assert.throws(() => decode(bytes.subarray(0, end)), { name: "IoError" });
      }
      const newer = Uint8Array.from(bytes);
      newer[0] = (newer[0] ?? 0) + 1;
      assert.throws(() => decode(newer), { name: "IoError", code: "format-newer" });
    }
  });
}

test("manifest content reads back without being copied", () => {
  const bytes = Buffer.from("{}");
  const stored = encodeContent({ state: live, content: { type: "inline", bytes } });
  const { state, content } = decodeContent(stored);
  assert.deepEqual(state, live);
  assert.ok(content.type === "inline" && Buffer.from(content.bytes).equals(bytes));
  assert.equal(content.bytes.buffer, stored.buffer);
  const elsewhere = { state: condemned, content: { type: "location", location: location("l") } };
  assert.deepEqual(decodeContent(encodeContent(elsewhere as never)), elsewhere);
});

test("whole numbers of any size read back", () => {
  const random = seededRandom(3);
  const numbers = [0, 1, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER];
  for (let count = 0; count < 1_000; count += 1) {
    numbers.push(Math.floor(2 ** (53 * (random.int(1_000) / 1_000))) - 1);
  }
  for (const number of numbers) {
    const writer = new RecordWriter(1);
    writer.varint(number);
    const reader = new RecordReader(writer.finish(), 1);
    assert.equal(reader.varint(), number);
    assert.ok(reader.done);
  }
});

test("texts longer than a writer's first bytes read back", () => {
  const text = "é".repeat(5_000);
  const writer = new RecordWriter(1);
  writer.text(text);
  writer.u8(9);
  const reader = new RecordReader(writer.finish(), 1);
  assert.equal(reader.text(), text);
  assert.equal(reader.u8(), 9);
});

test("the hot records stay below what a cluster keeps beside its commit record", () => {
  const longest = { mediaType: docker, bytes: 4 * 2 ** 20, pushedMs: 2 ** 44 };
  assert.ok(encodeTag({ ...longest, digest: sha512 }).length < 255);
  const blob = { state: live, bytes: 2 ** 40, location: location("x".repeat(80)) };
  assert.ok(encodeBlob(blob).length < 255);
});

test("JSON records carry a version, and a newer one is refused", () => {
  assert.deepEqual(decodeJson(encodeJson(1, { a: "b" }), 1), { a: "b" });
  assert.throws(() => decodeJson(encodeJson(2, {}), 1), { code: "format-newer" });
  assert.throws(() => decodeJson(Buffer.from("{"), 1), { code: "corrupt" });
  assert.throws(() => decodeJson(Buffer.from("[]"), 1), { code: "corrupt" });
  assert.throws(() => decodeJson(Buffer.from("null"), 1), { code: "corrupt" });
});
