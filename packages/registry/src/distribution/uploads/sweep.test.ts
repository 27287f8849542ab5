import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { parseRepositoryName, type RepositoryName } from "@sampan/oci/model";
import type { BlobLocation } from "../../blobs/blobs.ts";
import { createMemoryBlobs, type MemoryBlobs } from "../../blobs/memory.ts";
import { createUpload, findUpload } from "../../meta/index.ts";
import { install } from "../../meta/installation.ts";
import { HashPool } from "./hash-pool.ts";
import { UploadSessions } from "./sessions.ts";
import { createSweep, type Sweep } from "./sweep.ts";

const hourMs = 60 * 60_000;
const uploadExpiryMs = 24 * hourMs;

interface Scene {
  readonly world: SimulatedWorld;
  readonly store: Store;
  readonly blobs: MemoryBlobs;
  readonly sweep: Sweep;
}

function check(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const world = createSimulatedWorld(1);
    const { env } = world;
    const run = async (): Promise<void> => {
      const store = await openEmbeddedStore(env, { engine: createMemoryEngine(env, {}) }, {});
      await install(store, { adminPasswordHash: "none", nowMs: env.clock.now() });
      const blobs = createMemoryBlobs(env);
      const sessions = new UploadSessions(env, new HashPool(env, { workersMax: 0 }));
      const sweep = createSweep(env, { store, blobs, sessions }, { uploadExpiryMs });
      await body({ world, store, blobs, sweep });
      await store.close();
    };
    await world.drive(run());
  });
}

const never = new AbortController().signal;

async function begin({ store, blobs, world }: Scene): Promise<{ id: string; at: BlobLocation }> {
  const file = await blobs.create();
  await file.append(Buffer.from("abc"));
  await file.close();
  const id = world.env.random.uuid();
  const startedMs = world.env.clock.now();
  const { location } = file;
  const record = { id, repository: repository(), location, startedMs, actor: "admin" };
  assert.ok((await createUpload(store, record)).ok);
  return { id, at: file.location };
}

function repository(): RepositoryName {
  const name = parseRepositoryName("library/app");
  assert.ok(name.ok);
  return name.value;
}

async function isThere({ store }: Scene, id: string): Promise<boolean> {
  const reader = await store.snapshot();
  try {
    return (await findUpload(reader, repository(), id)) !== null;
  } finally {
    reader.release();
  }
}

check("an upload that nobody went on with is thrown away, record and bytes", async (scene) => {
  const { id, at } = await begin(scene);
  await scene.world.env.clock.sleep(uploadExpiryMs - hourMs);
  await scene.sweep.pass(never);
  assert.equal(await isThere(scene, id), true);
  await scene.world.env.clock.sleep(2 * hourMs);
  await scene.sweep.pass(never);
  assert.equal(await isThere(scene, id), false);
  assert.equal(await scene.blobs.stat(at), null);
});

check("an upload that receives bytes now and then is kept", async (scene) => {
  const { id, at } = await begin(scene);
  for (let day = 0; day < 3; day += 1) {
    await scene.world.env.clock.sleep(uploadExpiryMs - hourMs);
    const file = await scene.blobs.open(at);
    await file?.append(Buffer.from("more"));
    await file?.close();
    await scene.sweep.pass(never);
    assert.equal(await isThere(scene, id), true);
  }
});

check(
  "bytes that no record names go after an hour of being seen so, others stay",
  async (scene) => {
    const { at } = await begin(scene);
    const unnamed = await scene.blobs.create();
    await unnamed.commit();
    await scene.sweep.pass(never);
    await scene.world.env.clock.sleep(hourMs / 2);
    await scene.sweep.pass(never);
    assert.notEqual(await scene.blobs.stat(unnamed.location), null);
    await scene.world.env.clock.sleep(hourMs);
    await scene.sweep.pass(never);
    assert.equal(await scene.blobs.stat(unnamed.location), null);
    assert.notEqual(await scene.blobs.stat(at), null);
  },
);

check("a wall clock that jumps does not age bytes that are about to be named", async (scene) => {
  const fresh = await scene.blobs.create();
  await fresh.commit();
  await scene.sweep.pass(never);
  scene.world.main.jumpWallClock(30 * uploadExpiryMs);
  await scene.world.env.clock.sleep(hourMs / 2);
  await scene.sweep.pass(never);
  assert.notEqual(await scene.blobs.stat(fresh.location), null);
});

check("a wall clock that jumps back throws nothing away", async (scene) => {
  const { id } = await begin(scene);
  scene.world.main.jumpWallClock(-30 * uploadExpiryMs);
  await scene.sweep.pass(never);
  assert.equal(await isThere(scene, id), true);
});

check("it runs until it is told to stop, and a failure does not end it", async (scene) => {
  const { id } = await begin(scene);
  const stop = new AbortController();
  const { list } = scene.blobs;
  scene.blobs.list = async () => {
    throw new TypeError("the disk is away");
  };
  const running = scene.sweep.run(stop.signal);
  await scene.world.env.clock.sleep(hourMs);
  scene.blobs.list = list;
  await scene.world.env.clock.sleep(uploadExpiryMs);
  assert.equal(await isThere(scene, id), false);
  stop.abort();
  await running;
});
