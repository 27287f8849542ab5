// Copies between two registries of ours, over sockets, with tokens; and over a line that breaks.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import test from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import type { Reference, RepositoryName, Tag } from "@sampan/oci/model";
import type { CopyReport, RemoteRepository } from "@sampan/oci/remote";
import { bytesSource, copyArtifact, createRemote } from "@sampan/oci/remote";
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

const from = "library/from" as RepositoryName;
const to = "library/to" as RepositoryName;
const random = seededRandom(21);
const index = randomIndex(random, 2, { layers: 2, layerBytes: 500_000 });
const signature = buildArtifact(
  "application/x.signature",
  content("application/x", Buffer.from("signature")),
  index.manifest,
);
const tag = (text: string): Reference => ({ type: "tag", tag: text as Tag });
const deaf = { planned: () => {}, moved: () => {}, finished: () => {} };

async function push(repository: RemoteRepository, image: TestImage): Promise<void> {
  for (const blob of [...image.layers, image.config]) {
    assert.ok((await repository.pushBlob(blob.digest, bytesSource(blob.bytes))).ok);
  }
  const { digest } = image.manifest;
  assert.ok((await repository.putManifest({ type: "digest", digest }, image.manifest)).ok);
}

async function pushAll(repository: RemoteRepository): Promise<void> {
  for (const image of [...index.images, signature]) await push(repository, image);
  assert.ok((await repository.putManifest(tag("1.0"), index.manifest)).ok);
}

interface Copy {
  readonly source: RemoteRepository;
  readonly target: RemoteRepository;
  readonly mountFrom?: RepositoryName;
}

async function copy({ source, target, mountFrom }: Copy): Promise<CopyReport> {
  const copied = await copyArtifact(
    {
      repository: source,
      reference: tag("1.0"),
      platform: null,
      referrers: true,
      signal: undefined,
    },
    { repository: target, reference: tag("2.0"), mountFrom: mountFrom ?? null, blobsAtOnce: 3 },
    deaf,
  );
  return copied.ok ? copied.value : assert.fail(copied.error.message);
}

async function withWorlds(count: number, run: (worlds: RegistryWorld[]) => Promise<void>) {
  const worlds: RegistryWorld[] = [];
  try {
    for (let started = 0; started < count; started++) worlds.push(await startRegistryWorld());
    await run(worlds);
  } finally {
    for (const world of worlds) await world.close();
  }
}

test("an index and its signature go from one registry to the other", async () => {
  await withWorlds(2, async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined);
    await pushAll(one.remote(one.admin).repository(from));
    const source = one.remote(null).repository(from);
    const target = two.remote(two.admin).repository(to);
    const report = await copy({ source, target });
    assert.equal(report.digest, index.manifest.digest);
    assert.equal(report.manifests, 4);
    // Two layers and a configuration of each image, one layer and the empty one of the signature.
    assert.deepEqual(report.blobs, { copied: 8, mounted: 0, present: 0 });
    const listed = await two.remote(null).repository(to).listReferrers(index.manifest.digest);
    assert.ok(listed.ok && listed.value.api);
    assert.equal(listed.value.descriptors[0]?.digest, signature.manifest.digest);
    const again = await copy({ source, target });
    assert.deepEqual(again.blobs, { copied: 0, mounted: 0, present: 8 });
  });
});

test("within one registry everything is mounted", async () => {
  await withWorlds(1, async ([world]) => {
    assert.ok(world !== undefined);
    const remote = world.remote(world.admin);
    await pushAll(remote.repository(from));
    const [source, target] = [remote.repository(from), remote.repository(to)];
    const report = await copy({ source, target, mountFrom: from });
    assert.deepEqual(report.blobs, { copied: 0, mounted: 8, present: 0 });
    assert.equal(report.bytes, 0);
  });
});

test("without the right to push a copy is refused, and says where", async () => {
  await withWorlds(1, async ([world]) => {
    assert.ok(world !== undefined);
    await pushAll(world.remote(world.admin).repository(from));
    const remote = world.remote(null);
    const copied = await copyArtifact(
      {
        repository: remote.repository(from),
        reference: tag("1.0"),
        platform: null,
        referrers: false,
        signal: undefined,
      },
      { repository: remote.repository(to), reference: tag("2.0"), mountFrom: from, blobsAtOnce: 3 },
      deaf,
    );
    assert.ok(!copied.ok && ["denied", "unauthorized"].includes(copied.error.code));
    assert.ok(copied.error.message.includes(world.url.origin));
  });
});

interface Line {
  readonly url: URL;
  /** Bytes that went up so far. */
  readonly up: () => number;
  close(): Promise<void>;
}

/** A line to the registry that breaks whenever so many more bytes have passed, `breaks` times. */
async function breakingLine(target: URL, everyBytes: number, breaks: number): Promise<Line> {
  const open = new Set<Socket>();
  const passed = { up: 0, both: 0, left: breaks };
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    const count = (chunk: Buffer): void => {
      passed.both += chunk.length;
      if (passed.left === 0 || passed.both < everyBytes) return;
      passed.both = 0;
      passed.left -= 1;
      cut();
    };
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on("error", cut).on("close", () => {
        open.delete(socket);
        cut();
      });
      socket.on("data", count);
    }
    near.on("data", (chunk) => {
      passed.up += chunk.length;
    });
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    up: () => passed.up,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const large = randomImage(random, { layers: 1, layerBytes: 12_000_000 });
const [layer = large.config] = large.layers;

test("over a line that breaks a blob goes up and comes down, each byte about once", async () => {
  await withWorlds(1, async ([world]) => {
    assert.ok(world !== undefined);
    const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });
    const line = await breakingLine(world.url, 5_000_000, 4);
    const remote = createRemote(
      env,
      { credentials: world.admin },
      { registry: line.url, stallMs: 30_000, connectionsMax: 2 },
    );
    try {
      const repository = remote.repository(to);
      const pushed = await repository.pushBlob(layer.digest, bytesSource(layer.bytes));
      assert.deepEqual(pushed, { ok: true, value: "pushed" });
      // Without going on where the registry is, two breaks would cost ten megabytes more.
      assert.ok(line.up() < layer.bytes.length + 5_000_000, `${line.up()} bytes went up`);
      const blob = await repository.getBlob(layer.digest);
      assert.ok(blob.ok);
      const chunks: Uint8Array[] = [];
      for await (const chunk of blob.value.stream) chunks.push(chunk);
      assert.ok(Buffer.concat(chunks).equals(layer.bytes));
    } finally {
      remote.close();
      await line.close();
    }
  });
});
