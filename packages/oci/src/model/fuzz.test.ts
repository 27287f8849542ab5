// Bytes from outside, random and mutated: every parser answers, none throws, and what it accepts
// keeps the promises that the rest of the system builds on.

import assert from "node:assert/strict";
import { fuzz, mutateBytes, mutateText, pick, randomText } from "../testing/fuzz.ts";
import { randomImage, randomIndex } from "../testing/random-image.ts";
import type { RandomSource } from "../testing/seeded-random.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { computeDigest, digestHex, parseDigest } from "./digest.ts";
import { errorBody, parseErrorBody } from "./distribution-errors.ts";
import { parseImageReference } from "./image-reference.ts";
import { exceededBound } from "./json-bounds.ts";
import {
  manifestDescriptorsMax,
  parseManifest,
  requiredBlobs,
  requiredManifests,
} from "./manifest.ts";
import { bareMediaType, isMediaType, manifestMediaTypes } from "./media-types.ts";
import { formatReference, parseReference, parseRepositoryName, parseTag } from "./names.ts";
import { parseChunkRange, parseContentRange, parseRange, parseUploadRange } from "./range.ts";

const rounds = 10_000;

const digest = computeDigest(Buffer.from("x"));
const sha512 = computeDigest(Buffer.from("x"), "sha512");

fuzz({ name: "digests and references that are accepted are safe as keys", rounds }, (random) => {
  const sound = pick(random, [digest, sha512, "v1.2.3", `v1@${digest}`, `h:5000/a/b:v1@${digest}`]);
  const text = random.int(3) === 0 ? randomText(random, 300) : mutateText(random, sound);
  const parsed = parseDigest(text);
  if (parsed.ok) assert.match(digestHex(parsed.value), /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/);
  const reference = parseReference(text);
  if (reference.ok) assert.equal(formatReference(reference.value), text);
  const image = parseImageReference(text);
  if (image.ok) assert.ok(parseRepositoryName(image.value.repository).ok);
});

fuzz({ name: "names hold no path trick", rounds }, (random) => {
  const sound = pick(random, ["library/app", "a", "a.b/c__d/e--f", "x".repeat(255)]);
  const text = random.int(3) === 0 ? randomText(random) : mutateText(random, sound);
  if (parseRepositoryName(text).ok) {
    assert.ok(text.length <= 255);
    assert.doesNotMatch(text, /\.\.|\/\/|[\\%\0\n A-Z]|^\/|\/$/);
  }
  if (parseTag(text).ok) {
    assert.ok(text.length <= 128);
    assert.doesNotMatch(text, /[/\\%\0\n ]|^\./);
  }
});

fuzz({ name: "ranges lie within the content", rounds }, (random) => {
  const size = random.int(100);
  const sound = pick(random, [
    `bytes=${random.int(150)}-${random.int(150)}`,
    `bytes=-${random.int(150)}`,
    `${random.int(150)}-${random.int(150)}`,
    `bytes ${random.int(9)}-${random.int(99)}/100`,
    "bytes=0-99999999999999999999999999",
  ]);
  const text = random.int(3) === 0 ? randomText(random, 200) : mutateText(random, sound);
  const range = parseRange(text, size);
  if (range.type === "partial") {
    assert.ok(range.range.start >= 0 && range.range.start < range.range.end);
    assert.ok(range.range.end <= size);
  }
  for (const parsed of [parseChunkRange(text), parseContentRange(text)]) {
    if (!parsed.ok) continue;
    const { start, end } = parsed.value;
    assert.ok(start >= 0 && start < end && Number.isSafeInteger(end), text);
  }
  const uploaded = parseUploadRange(text);
  if (uploaded.ok) assert.ok(Number.isSafeInteger(uploaded.value) && uploaded.value >= 0);
});

fuzz({ name: "a Content-Type is one of ours or none", rounds }, (random) => {
  const text = mutateText(random, pick(random, ["text/plain; charset=x", ...manifestMediaTypes]));
  bareMediaType(text);
  if (isMediaType(text)) assert.doesNotMatch(text, /[\0\n]/);
});

fuzz({ name: "errors of other registries are read or left alone", rounds }, (random) => {
  const text = mutateText(random, errorBody("blob-unknown", { detail: { digest } }));
  for (const { code, message } of parseErrorBody(text)) {
    assert.equal(typeof code, "string");
    assert.equal(typeof message, "string");
  }
});

function checkManifest(bytes: Uint8Array, contentType: string | null): void {
  const manifest = parseManifest(bytes, contentType);
  if (!manifest.ok) {
    assert.notEqual(manifest.error.message, "");
    return;
  }
  const named = [...requiredBlobs(manifest.value), ...requiredManifests(manifest.value)];
  assert.ok(named.length <= manifestDescriptorsMax + 1);
  for (const blob of named) {
    assert.ok(Number.isSafeInteger(blob.size) && blob.size >= 0);
    assert.ok(parseDigest(blob.digest).ok);
  }
}

fuzz({ name: "random bytes are no manifest", rounds: 3_000 }, (random) => {
  assert.equal(parseManifest(random.bytes(random.int(200)), null).ok, false);
});

const small = { layers: 3, layerBytes: 10 };
const image = randomImage(seededRandom(9), small).manifest.bytes;
const index = randomIndex(seededRandom(9), 3, small).manifest.bytes;

fuzz({ name: "a mutated manifest is refused or sound", rounds: 5_000 }, (random) => {
  const type = random.int(4) === 0 ? randomText(random) : pick(random, manifestTypes);
  checkManifest(mutateBytes(random, image), type);
  checkManifest(mutateBytes(random, index), type);
  checkManifest(Buffer.from(mutateText(random, Buffer.from(image).toString())), type);
});

const manifestTypes: readonly [string | null, ...(string | null)[]] = [null, ...manifestMediaTypes];

/** Another value for one field, somewhere in the manifest. */
function changeField(random: RandomSource, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.int(4) === 0) {
    return pick(random, [null, {}, [], "", 0, -1, 1e300, 2 ** 53, true, randomText(random), value]);
  }
  if (Array.isArray(value)) {
    const at = random.int(value.length + 1);
    return value.toSpliced(at, random.int(2), changeField(random, value[at]));
  }
  const fields: [string, ...string[]] = [
    "__proto__",
    "constructor",
    "CONFIG",
    ...Object.keys(value),
  ];
  const field = pick(random, fields);
  const old: unknown = Object.entries(value).find(([name]) => name === field)?.[1];
  return Object.fromEntries([...Object.entries(value), [field, changeField(random, old)]]);
}

fuzz({ name: "a manifest with another value in it is refused or sound", rounds }, (random) => {
  const sound: unknown = JSON.parse(Buffer.from(pick(random, [image, index])).toString());
  checkManifest(Buffer.from(JSON.stringify(changeField(random, sound))), null);
});

/** 4 MiB that take as long to parse as JSON can. */
fuzz({ name: "a bomb is refused before it is parsed", rounds: 40 }, (random) => {
  const [open, fill, close] = pick<readonly [string, string, string]>(random, [
    ["[", "", "]"],
    ['{"a":', "1", "}"],
    ["[", "{},", "{}]"],
    ["[", "[],", "1]"],
    ["{", '"a":1,', '"b":1}'],
    ['[{"a":[', '"\\\\",', "1]}]"],
  ]);
  const count = 100_000 + random.int(100_000);
  const deep = fill.length < 2;
  const text = deep
    ? open.repeat(count) + fill + close.repeat(count)
    : open + fill.repeat(count) + close;
  const manifest = parseManifest(Buffer.from(`{"schemaVersion":2,"x":${text}}`), null);
  assert.equal(manifest.ok, false);
});

fuzz({ name: "the bounds of JSON count what a parser counts", rounds: 5_000 }, (random) => {
  const text = JSON.stringify({ [randomText(random)]: [randomText(random), { a: [[{}]] }] });
  const bounds = { depthMax: 100, containersMax: 100, membersMax: 100 };
  const bytes = Buffer.from(text);
  assert.equal(exceededBound(bytes, bounds), null);
  assert.equal(exceededBound(bytes, { ...bounds, depthMax: 5 }), "depthMax");
  assert.equal(exceededBound(bytes, { ...bounds, containersMax: 5 }), "containersMax");
  assert.equal(exceededBound(bytes, { ...bounds, membersMax: 1 }), "membersMax");
});
