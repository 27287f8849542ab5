// When a role is healthy, and how its loops end.

import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import { createBackground, createLife, untilAborted } from "./life.ts";

async function createWorld() {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const env = createNodeEnv({ service: "test", log: { level: "info", format: "json", stream } });
  const engine = createMemoryEngine(env, {});
  const store = await openEmbeddedStore(env, { engine }, {});
  const life = createLife(store);
  return { engine, store, life, lines, background: createBackground(env, life) };
}

test("it is ready between the start and the stop", async () => {
  const { life } = await createWorld();
  equal(life.phase(), "starting");
  life.state = "ready";
  equal(life.phase(), "ready");
  life.state = "stopping";
  equal(life.phase(), "stopping");
});

test("it has failed once the disk refused a write", async () => {
  const { engine, life, store } = await createWorld();
  life.state = "ready";
  engine.failNextWrite("disk-full");
  const key = Buffer.from("key");
  await store.transact(async (transaction) => transaction.put(key, key)).catch(() => undefined);
  equal(life.phase(), "failed");
  life.state = "stopping";
  equal(life.phase(), "stopping");
});

test("a loop that fails makes it unhealthy and is logged, the others go on", async () => {
  const { background, life, lines } = await createWorld();
  const ended: string[] = [];
  background.start("collection", async () => {
    throw new Error("the disk is gone");
  });
  background.start("sweep", async (until) => {
    await untilAborted(until);
    ended.push("sweep");
  });
  life.state = "ready";
  await new Promise(setImmediate);
  equal(life.phase(), "failed");
  deepEqual(ended, []);
  await background.stop();
  deepEqual(ended, ["sweep"]);
  const [line = ""] = lines;
  equal(JSON.parse(line).msg, "collection failed; start the server again");
});

test("a loop that ends with the abort's error ends in order", async () => {
  const { background, life, lines } = await createWorld();
  background.start("sweep", async (until) => {
    await untilAborted(until);
    throw until.reason;
  });
  await background.stop();
  equal(life.loopFailed, false);
  deepEqual(lines, []);
});
