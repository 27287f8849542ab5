// Our client against our registry, over sockets, with tokens: what each promises, the other keeps.

import assert from "node:assert/strict";
import test from "node:test";
import type { Reference, RepositoryName, Tag } from "@sampan/oci/model";
import { computeDigest } from "@sampan/oci/model";
import type { RemoteRepository } from "@sampan/oci/remote";
import { bytesSource } from "@sampan/oci/remote";
import type { TestImage } from "@sampan/oci/testing";
import {
  buildArtifact,
  content,
  randomImage,
  randomIndex,
  seededRandom,
} from "@sampan/oci/testing";
import type { RegistryWorld } from "./registry-world.ts";
import { startRegistryWorld } from "./registry-world.ts";

const name = "library/e2e" as RepositoryName;
const image = randomImage(seededRandom(11), { layers: 2, layerBytes: 2_500_000 });
const [layer = image.config] = image.layers;
const tag = (text: string): Reference => ({ type: "tag", tag: text as Tag });

async function withWorld(run: (world: RegistryWorld) => Promise<void>): Promise<void> {
  const world = await startRegistryWorld();
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

async function push(repository: RemoteRepository, pushed: TestImage, as: string): Promise<void> {
  for (const blob of [...pushed.layers, pushed.config]) {
    assert.deepEqual(await repository.putBlob(blob.digest, bytesSource(blob.bytes)), {
      ok: true,
      value: null,
    });
  }
  assert.deepEqual(await repository.putManifest(tag(as), pushed.manifest), {
    ok: true,
    value: pushed.manifest.digest,
  });
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("an image is pushed, and anybody pulls it from a public project", async () => {
  await withWorld(async (world) => {
    await push(world.remote(world.admin).repository(name), image, "v1");
    const repository = world.remote(null).repository(name);
    const manifest = await repository.getManifest(tag("v1"));
    assert.ok(manifest.ok && Buffer.from(manifest.value.bytes).equals(image.manifest.bytes));
    assert.equal(manifest.value.mediaType, image.manifest.mediaType);
    const head = await repository.headManifest({ type: "digest", digest: image.manifest.digest });
    assert.deepEqual(head, {
      ok: true,
      value: {
        mediaType: image.manifest.mediaType,
        digest: image.manifest.digest,
        size: image.manifest.bytes.length,
      },
    });
    const blob = await repository.getBlob(layer.digest);
    assert.ok(blob.ok && (await readAll(blob.value.stream)).equals(layer.bytes));
    const range = { start: 1_000_000, end: 1_000_010 };
    const part = await repository.getBlob(layer.digest, { range });
    const expected = layer.bytes.subarray(range.start, range.end);
    assert.ok(part.ok && (await readAll(part.value.stream)).equals(expected));
  });
});

test("a blob goes up in chunks", async () => {
  await withWorld(async (world) => {
    const repository = world.remote(world.admin).repository(name);
    const options = { chunkBytes: 1_000_000, faultsMax: 0 };
    const source = bytesSource(layer.bytes);
    assert.ok((await repository.putBlobChunked(layer.digest, source, options)).ok);
    assert.deepEqual(await repository.headBlob(layer.digest), {
      ok: true,
      value: layer.bytes.length,
    });
  });
});

test("an index needs its children, an artifact's subject need not be there", async () => {
  await withWorld(async (world) => {
    const repository = world.remote(world.admin).repository(name);
    const index = randomIndex(seededRandom(12), 2, { layers: 1, layerBytes: 1000 });
    const early = await repository.putManifest(tag("multi"), index.manifest);
    assert.ok(!early.ok && early.error.errors[0]?.code === "MANIFEST_BLOB_UNKNOWN");
    for (const [count, child] of index.images.entries()) await push(repository, child, `p${count}`);
    assert.ok((await repository.putManifest(tag("multi"), index.manifest)).ok);
    const signature = content("text/plain", Buffer.from("signed"));
    await push(
      repository,
      buildArtifact("application/vnd.example", signature, image.manifest),
      "signature",
    );
  });
});

test("tags come in lexical order over pages, and the catalog names the repository", async () => {
  await withWorld(async (world) => {
    const remote = world.remote(world.admin);
    const repository = remote.repository(name);
    const small = randomImage(seededRandom(13), { layers: 1, layerBytes: 100 });
    const tags = ["v1", "a", "V2", "v10", "_x", "0"];
    for (const text of tags) await push(repository, small, text);
    const sorted = [...tags].sort();
    assert.deepEqual(await repository.listTags({ pageSize: 2 }), { ok: true, value: sorted });
    assert.deepEqual(await repository.listTags(), { ok: true, value: sorted });
    assert.deepEqual(await remote.listRepositories({ pageSize: 1 }), { ok: true, value: [name] });
  });
});

test("what is deleted is gone, and what shares its blobs stays", async () => {
  await withWorld(async (world) => {
    const repository = world.remote(world.admin).repository(name);
    await push(repository, image, "v1");
    await push(repository, image, "v2");
    assert.ok((await repository.deleteManifest(tag("v1"))).ok);
    const gone = await repository.getManifest(tag("v1"));
    assert.ok(!gone.ok && gone.error.errors[0]?.code === "MANIFEST_UNKNOWN");
    assert.ok((await repository.getManifest(tag("v2"))).ok);
    const { digest } = image.manifest;
    assert.ok((await repository.deleteManifest({ type: "digest", digest })).ok);
    const alsoGone = await repository.getManifest(tag("v2"));
    assert.ok(!alsoGone.ok && alsoGone.error.code === "not-found");
  });
});

test("the wrong password, and no password where one is needed, are refused", async () => {
  await withWorld(async (world) => {
    const wrong = world.remote({ ...world.admin, password: "wrong-password" });
    const pinged = await wrong.ping();
    assert.ok(!pinged.ok && pinged.error.code === "unauthorized");
    const anonymous = world.remote(null).repository(name);
    const put = await anonymous.putBlob(layer.digest, bytesSource(layer.bytes));
    assert.ok(!put.ok && put.error.code === "unauthorized");
    const secret = world.remote(null).repository("team-a/secret" as RepositoryName);
    const read = await secret.headManifest(tag("v1"));
    assert.ok(!read.ok && read.error.code === "unauthorized");
  });
});

test("a lie about a digest and a manifest of missing blobs are refused by name", async () => {
  await withWorld(async (world) => {
    const repository = world.remote(world.admin).repository(name);
    const lie = await repository.putBlob(computeDigest(Buffer.from("x")), bytesSource(layer.bytes));
    assert.ok(!lie.ok && lie.error.errors[0]?.code === "DIGEST_INVALID");
    const early = await repository.putManifest(tag("v1"), image.manifest);
    assert.ok(!early.ok && early.error.errors[0]?.code === "MANIFEST_BLOB_UNKNOWN");
  });
});
