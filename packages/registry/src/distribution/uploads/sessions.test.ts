import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { newBuffer } from "../buffer-pool.ts";
import { HashPool, type StreamHash } from "./hash-pool.ts";
import { type UploadSession, UploadSessions } from "./sessions.ts";

function setUp(): { world: SimulatedWorld; sessions: UploadSessions } {
  const world = createSimulatedWorld(1);
  const hashes = new HashPool(world.env, { workersMax: 0 });
  return { world, sessions: new UploadSessions(world.env, hashes) };
}

async function hashed(hash: StreamHash | null, count: number): Promise<void> {
  await hash?.update(newBuffer(count), count);
}

function algorithmOf(session: UploadSession): string | null {
  return session.hash?.algorithm ?? null;
}

test("the hash of an upload is there for its next request", async () => {
  const { sessions } = setUp();
  const session = await sessions.enter("a");
  assert.ok(session !== null);
  sessions.align(session, 0, null);
  await hashed(session.hash, 4);
  sessions.leave(session);
  const again = await sessions.enter("a");
  assert.equal(again, session);
  sessions.align(session, 4, null);
  assert.equal(session.hash?.bytes, 4);
});

test("a hash of other bytes than are stored, or of another algorithm, is dropped", async () => {
  const { sessions } = setUp();
  const session = await sessions.enter("a");
  assert.ok(session !== null);
  sessions.align(session, 0, null);
  await hashed(session.hash, 4);
  sessions.align(session, 4, "sha512");
  assert.ok(session.hash === null);
  sessions.align(session, 0, "sha512");
  assert.equal(algorithmOf(session), "sha512");
  await hashed(session.hash, 4);
  sessions.align(session, 5, null);
  assert.equal(session.hash, null);
});

test("a second request waits for the first, for a second at most", async () => {
  const { world, sessions } = setUp();
  const first = await sessions.enter("a");
  assert.ok(first !== null);
  const second = sessions.enter("a");
  const third = sessions.enter("a");
  sessions.leave(first);
  assert.equal(await second, first);
  await world.runUntil(2_000);
  assert.equal(await third, null);
  sessions.leave(first);
  assert.ok((await sessions.enter("a")) !== null);
});

test("what nobody comes back for is forgotten after a while, what is busy is not", async () => {
  const { world, sessions } = setUp();
  const left = await sessions.enter("left");
  const busy = await sessions.enter("busy");
  assert.ok(left !== null && busy !== null);
  for (const session of [left, busy]) {
    sessions.align(session, 0, null);
    await hashed(session.hash, 1);
  }
  sessions.leave(left);
  await world.runUntil(4 * 60_000);
  sessions.dropIdle();
  assert.equal(sessions.count, 2);
  await world.runUntil(6 * 60_000);
  sessions.dropIdle();
  assert.equal(sessions.count, 1);
  assert.equal(left.hash, null);
  assert.ok(busy.hash !== null);
});

test("a session without a hash is not remembered, and of the others 1,024 are", async () => {
  const { sessions } = setUp();
  for (let index = 0; index < 1_100; index += 1) {
    const session = await sessions.enter(`${index}`);
    assert.ok(session !== null);
    if (index >= 50) sessions.align(session, 0, null);
    sessions.leave(session);
  }
  assert.equal(sessions.count, 1_024);
});
