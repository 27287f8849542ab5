// Bytes from outside, random and mutated: every parser answers, none throws, and what it accepts
// keeps the promises that the rest of the system builds on.

import assert from "node:assert/strict";
import test from "node:test";
import { randomImage, randomIndex } from "../testing/random-image.ts";
import type { RandomSource } from "../testing/seeded-random.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { parseDigest } from "./digest.ts";
import { parseErrorBody } from "./distribution-errors.ts";
import { parseImageReference } from "./image-reference.ts";
import { parseManifest, requiredBlobs, requiredManifests } from "./manifest.ts";
import { parseReference, parseRepositoryName, parseTag } from "./names.ts";
import { parseChunkRange, parseContentRange, parseRange, parseUploadRange } from "./range.ts";

const rounds = 3_000;
const seeds = [1, 2, 3];

function fuzz(name: string, round: (random: RandomSource) => void): void {
  for (const seed of seeds) {
    test(`${name} (seed ${seed})`, () => {
      const random = seededRandom(seed);
      for (let count = 0; count < rounds; count++) round(random);
    });
  }
}

const alphabet = "abz019-_./:@%\\\0 \n~ABZ[]=,*bytes=sha256:é";

function randomText(random: RandomSource): string {
  const length = random.int(80);
  return Array.from({ length }, () => alphabet[random.int(alphabet.length)] ?? "").join("");
}

/** One to four changes: a byte replaced, taken out, or a slice repeated. */
function mutate(random: RandomSource, bytes: Uint8Array): Uint8Array {
  let mutant = Buffer.from(bytes);
  for (let count = 1 + random.int(4); count > 0; count--) {
    const at = random.int(mutant.length);
    const change = random.int(3);
    if (change === 0) mutant[at] = random.int(256);
    else if (change === 1)
      mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + 1)]);
    else mutant = Buffer.concat([mutant.subarray(0, at), mutant.subarray(random.int(at + 1))]);
  }
  return mutant;
}

function checkManifest(bytes: Uint8Array): void {
  const manifest = parseManifest(bytes, null);
  if (!manifest.ok) {
    assert.notEqual(manifest.error.message, "");
    return;
  }
  for (const blob of [...requiredBlobs(manifest.value), ...requiredManifests(manifest.value)]) {
    assert.ok(Number.isSafeInteger(blob.size) && blob.size >= 0);
    assert.ok(parseDigest(blob.digest).ok);
  }
}

fuzz("names out of random text hold no path trick", (random) => {
  const text = randomText(random);
  parseDigest(text);
  parseReference(text);
  parseImageReference(text);
  if (parseRepositoryName(text).ok) assert.doesNotMatch(text, /\.\.|\/\/|[\\%\0\n ]|^\/|\/$/);
  if (parseTag(text).ok) assert.doesNotMatch(text, /[/\\%\0\n ]|^\./);
});

fuzz("ranges out of random text lie within the content", (random) => {
  const size = random.int(100);
  const text =
    random.int(2) === 0 ? randomText(random) : `bytes=${random.int(150)}-${random.int(9)}`;
  const range = parseRange(text, size);
  if (range.type === "partial") {
    assert.ok(range.range.start >= 0 && range.range.start < range.range.end);
    assert.ok(range.range.end <= size);
  }
  parseChunkRange(text);
  parseContentRange(text);
  parseUploadRange(text);
});

fuzz("random bytes are no manifest", (random) => {
  const bytes = random.bytes(random.int(200));
  assert.equal(parseManifest(bytes, null).ok, false);
  parseErrorBody(Buffer.from(bytes).toString("latin1"));
});

const small = { layers: 3, layerBytes: 10 };
const image = randomImage(seededRandom(9), small).manifest.bytes;
const index = randomIndex(seededRandom(9), 3, small).manifest.bytes;

fuzz("a mutated manifest is refused or sound", (random) => {
  checkManifest(mutate(random, image));
  checkManifest(mutate(random, index));
});
