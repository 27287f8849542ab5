// The generators of test data: equal for equal seeds, and well formed.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { gunzipSync } from "node:zlib";
import { computeDigest, digestHex } from "../model/digest.ts";
import { parseManifest } from "../model/manifest.ts";
import { buildArtifact, content } from "./image.ts";
import { contentsOf, writeLayout } from "./layout.ts";
import { randomImage, randomIndex } from "./random-image.ts";
import { seededRandom } from "./seeded-random.ts";
import { tarArchive } from "./tar.ts";

test("equal seeds give equal images, others other ones", () => {
  const digest = (seed: number) =>
    randomImage(seededRandom(seed), { layers: 2, layerBytes: 1000 }).manifest.digest;
  assert.equal(digest(1), digest(1));
  assert.notEqual(digest(1), digest(2));
});

test("random numbers stay in their bounds and reach them", () => {
  const random = seededRandom(7);
  const seen = new Set(Array.from({ length: 1000 }, () => random.int(10)));
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(random.bytes(13).length, 13);
});

test("an image is sound: digests, diff ids, a manifest that parses", () => {
  const image = randomImage(seededRandom(3), { layers: 3, layerBytes: 5000, fill: "text" });
  for (const part of contentsOf(image)) assert.equal(computeDigest(part.bytes), part.digest);
  for (const layer of image.layers) {
    assert.ok(layer.bytes.length < 5000, "text shrinks");
    assert.equal(computeDigest(gunzipSync(layer.bytes)), layer.diffId);
  }
  const manifest = parseManifest(image.manifest.bytes, image.manifest.mediaType);
  assert.ok(manifest.ok && manifest.value.type === "image");
  assert.deepEqual(
    manifest.value.layers.map((layer) => layer.digest),
    image.layers.map((layer) => layer.digest),
  );
});

test("an index lists its images, an artifact its subject", () => {
  const index = randomIndex(seededRandom(4), 3, { layers: 1, layerBytes: 10 });
  const parsed = parseManifest(index.manifest.bytes, index.manifest.mediaType);
  assert.ok(parsed.ok && parsed.value.type === "index");
  assert.equal(parsed.value.children.length, 3);
  const layer = content("text/plain", Buffer.from("signed"));
  const artifact = buildArtifact("application/vnd.example", layer, index.manifest);
  const read = parseManifest(artifact.manifest.bytes, artifact.manifest.mediaType);
  assert.ok(read.ok && read.value.subject?.digest === index.manifest.digest);
});

test("a tar archive is whole blocks with a checksum that holds", () => {
  const tar = tarArchive([
    { type: "folder", path: "bin" },
    { type: "file", path: "bin/a", bytes: Buffer.from("abc"), mode: 0o755 },
    { type: "link", path: "bin/b", target: "a" },
  ]);
  assert.equal(tar.length % 512, 0);
  const block = Buffer.from(tar.subarray(512, 1024));
  const sum = Number.parseInt(block.toString("latin1", 148, 154), 8);
  block.fill(" ", 148, 156);
  assert.equal(
    block.reduce((total, byte) => total + byte, 0),
    sum,
  );
});

test("a layout holds each part under its digest and names the image", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sampan-layout-"));
  try {
    const image = randomImage(seededRandom(5), { layers: 1, layerBytes: 100 });
    await writeLayout(folder, { v1: image });
    const path = join(folder, "blobs", "sha256", digestHex(image.config.digest));
    assert.deepEqual(await readFile(path), image.config.bytes);
    const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
    assert.equal(index.manifests[0].digest, image.manifest.digest);
    assert.equal(index.manifests[0].annotations["org.opencontainers.image.ref.name"], "v1");
  } finally {
    await rm(folder, { recursive: true });
  }
});
