import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { newBuffer, type PooledBuffer } from "../buffer-pool.ts";
import { HashPool } from "./hash-pool.ts";

const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });
const chunkBytes = 1024 * 1024;

function filled(seed: number, bytes = chunkBytes): PooledBuffer {
  const buffer = newBuffer(bytes);
  buffer.bytes.fill(seed);
  return buffer;
}

function expected(seeds: readonly number[], algorithm: "sha256" | "sha512"): string {
  const hash = createHash(algorithm);
  for (const seed of seeds) hash.update(Buffer.alloc(chunkBytes, seed));
  return hash.digest("hex");
}

for (const [where, workersMax] of [
  ["a worker", 1],
  ["the main thread", 0],
] as const) {
  test(`${where} hashes streams side by side, each in its order`, async (context) => {
    const pool = new HashPool(env, { workersMax });
    context.after(() => pool.close());
    const one = pool.start("sha256");
    const other = pool.start("sha512");
    await Promise.all([one.update(filled(1), chunkBytes), other.update(filled(3), chunkBytes)]);
    await Promise.all([one.update(filled(2), chunkBytes), other.update(filled(4), chunkBytes)]);
    assert.equal(one.bytes, 2 * chunkBytes);
    const results = await Promise.all([one.finish(), other.finish()]);
    assert.deepEqual(results, [expected([1, 2], "sha256"), expected([3, 4], "sha512")]);
  });

  test(`${where} hashes no more of a buffer than it is told`, async (context) => {
    const pool = new HashPool(env, { workersMax });
    context.after(() => pool.close());
    const hash = pool.start("sha256");
    await hash.update(filled(9), 600_000);
    assert.equal(hash.bytes, 600_000);
    const hex = createHash("sha256").update(Buffer.alloc(600_000, 9)).digest("hex");
    assert.equal(await hash.finish(), hex);
    hash.abandon();
    hash.abandon();
  });
}

test("a small first chunk keeps the stream on the main thread", async () => {
  const hash = new HashPool(env, { workersMax: 1 }).start("sha256");
  await hash.update(filled(1, 100), 100);
  const hex = createHash("sha256").update(Buffer.alloc(100, 1)).digest("hex");
  assert.equal(await hash.finish(), hex);
});

test("nothing at all has a hash", async () => {
  const hash = new HashPool(env, { workersMax: 1 }).start("sha256");
  assert.equal(await hash.finish(), createHash("sha256").digest("hex"));
});

test("a worker that dies loses its streams, and hashing goes on without it", async () => {
  const world = createSimulatedWorld(1);
  const pool = new HashPool(world.env, { workersMax: 1 });
  const hash = pool.start("sha256");
  await hash.update(filled(1), chunkBytes);
  // More bytes than there are: the worker's view of the memory throws.
  await hash.update(filled(2), 2 * chunkBytes);
  assert.equal(await hash.finish(), null);
  assert.ok(world.lines.some((line) => line.message.includes("hashing worker ended")));
  const next = pool.start("sha256");
  await next.update(filled(3), chunkBytes);
  assert.equal(await next.finish(), expected([3], "sha256"));
});

test("a worker without streams ends, and the next stream gets a new one", async () => {
  const world = createSimulatedWorld(1);
  const pool = new HashPool(world.env, { workersMax: 1 });
  for (const seed of [1, 2]) {
    const hash = pool.start("sha256");
    await hash.update(filled(seed), chunkBytes);
    assert.equal(await hash.finish(), expected([seed], "sha256"));
    await world.runUntil(seed * 60_000);
  }
});

test("after the end of the pool hashing goes on, on the main thread", async () => {
  const pool = new HashPool(env, { workersMax: 1 });
  const lost = pool.start("sha256");
  await lost.update(filled(1), chunkBytes);
  await pool.close();
  await lost.update(filled(2), chunkBytes);
  assert.equal(await lost.finish(), null);
  const next = pool.start("sha256");
  await next.update(filled(3), chunkBytes);
  assert.equal(await next.finish(), expected([3], "sha256"));
});

test("a pool that is closed keeps no process from ending", async () => {
  const ports = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort");
  const before = ports().length;
  const pool = new HashPool(env, { workersMax: 1 });
  const open = pool.start("sha256");
  await open.update(filled(1), chunkBytes);
  assert.equal(ports().length, before + 1);
  await pool.close();
  assert.equal(ports().length, before);
});
