// Power losses by seed: what was acknowledged is there, what was not is there whole or not at all,
// and time goes on behind everything that was ever given out.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { Timestamp } from "../core/index.ts";
import type { Engine } from "../engine/engine.ts";
import { createMemoryEngine } from "../engine/memory.ts";
import { get, key, write } from "../txn/conformance/text.ts";
import type { Store } from "../txn/txn.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded.ts";

const seeds = 24;
const lives = 4;
const clients = 6;
const shared = ["x", "y", "z"];

/** One transaction that may have reached the disk. */
interface Try {
  readonly id: string;
  readonly startTs: Timestamp;
  /** Which of the shared keys it wrote its id to. */
  readonly keys: readonly string[];
  commitTs: Timestamp | null;
  /** Whether it was there after the first loss of power that it saw; so it must stay. */
  survived: boolean | null;
}

interface History {
  readonly tries: Try[];
  newestTs: Timestamp;
}

for (let seed = 1; seed <= seeds; seed++) {
  test(`seed ${seed}: ${lives} lives of a store, each ended by a loss of power`, async () => {
    const world = createSimulatedWorld(seed);
    const history: History = { tries: [], newestTs: 0n };
    let engine = createMemoryEngine(world.env, { delayMsMax: 3 });
    for (let life = 0; life < lives; life++) {
      const process = world.process(`life-${life}`);
      const { random } = process.env;
      if (random.int(2) === 0) process.jumpWallClock(-random.int(10_000));
      const options = { retentionMs: 15, collectEveryMs: 10 };
      const store = await world.drive(openEmbeddedStore(process.env, { engine }, options));
      await world.drive(checkAfterLoss(store, history));
      const signal = new AbortController().signal;
      leave(store.run(signal));
      for (let id = 0; id < clients; id++) {
        leave(writeForEver(process.env, store, history, `${life}-${id}`));
      }
      await world.runUntil(world.nowMs() + 20 + random.int(200));
      process.kill();
      engine = engine.crash(random);
    }
    const store = await world.drive(openEmbeddedStore(world.env, { engine }, {}));
    await world.drive(checkAfterLoss(store, history));
    assert.ok(history.tries.length > 20, `${history.tries.length} transactions`);
  });
}

test("what readers alone were given is not given again, though the clock was set back", async () => {
  const world = createSimulatedWorld(1);
  const engine = createMemoryEngine(world.env, { delayMsMax: 3 });
  const open = (opened: Engine): Promise<EmbeddedStore> =>
    openEmbeddedStore(world.env, { engine: opened }, {});
  const store = await world.drive(open(engine));
  let newestTs = 0n;
  for (let count = 0; count < 40; count++) {
    const snapshot = await store.snapshot();
    assert.ok(snapshot.startTs > newestTs);
    newestTs = snapshot.startTs;
    snapshot.release();
    await world.drive(world.env.clock.sleep(250));
  }
  world.main.jumpWallClock(-3_600_000);
  const synced = engine.crash({ ...world.env.random, int: () => 0 });
  const snapshot = await (await world.drive(open(synced))).snapshot();
  assert.ok(snapshot.startTs > newestTs, "time goes on over restarts");
  snapshot.release();
});

/** It ends with the power, in the middle of anything. */
function leave(work: Promise<unknown>): void {
  work.catch(() => undefined);
}

async function writeForEver(
  env: Env,
  store: EmbeddedStore,
  history: History,
  client: string,
): Promise<never> {
  for (let count = 0; ; count++) {
    await env.clock.sleep(env.random.int(6));
    const keys = shared.filter(() => env.random.int(2) === 0);
    await writeOnce(store, history, { id: `${client}-${count}`, keys });
  }
}

async function writeOnce(
  store: EmbeddedStore,
  history: History,
  of: { readonly id: string; readonly keys: readonly string[] },
): Promise<void> {
  let attempt: Try | null = null;
  const outcome = await store.transact(async (transaction) => {
    const { startTs } = transaction;
    assert.ok(startTs > history.newestTs, "time goes on over restarts");
    attempt = { ...of, startTs, commitTs: null, survived: null };
    history.tries.push(attempt);
    write(transaction, `t/${of.id}/${startTs}/1=1 t/${of.id}/${startTs}/2=${"v".repeat(400)}`);
    for (const name of of.keys) write(transaction, `${name}=${of.id}`);
  });
  const last = history.tries.findLast((each) => each === attempt);
  if (outcome.type === "committed" && last !== undefined) last.commitTs = outcome.commitTs;
}

async function checkAfterLoss(store: Store & EmbeddedStore, history: History): Promise<void> {
  const snapshot = await store.snapshot();
  const found: Try[] = [];
  for (const each of history.tries) {
    const prefix = `t/${each.id}/${each.startTs}/`;
    const parts = await snapshot.getMany([key(`${prefix}1`), key(`${prefix}2`)]);
    const present = parts.filter((part) => part !== null).length;
    assert.ok(present === 0 || present === parts.length, `${prefix} is torn`);
    if (each.commitTs !== null) assert.equal(present, parts.length, `${prefix} is lost`);
    if (each.survived !== null)
      assert.equal(present > 0, each.survived, `${prefix} changed its fate`);
    each.survived = present > 0;
    if (each.survived) found.push(each);
  }
  for (const name of shared) checkShared(name, await get(snapshot, name), found);
  for (const { startTs, commitTs } of history.tries) {
    const used = commitTs ?? startTs;
    if (used > history.newestTs) history.newestTs = used;
  }
  assert.ok(snapshot.startTs > history.newestTs, "time goes on over restarts");
  snapshot.release();
}

/**
 * The key has the id of the newest commit, of those whose time was told, or of one that was not.
 */
function checkShared(name: string, value: string | null, found: readonly Try[]): void {
  const writers = found.filter(({ keys }) => keys.includes(name));
  let newestTs = 0n;
  for (const { commitTs } of writers) {
    if (commitTs !== null && commitTs > newestTs) newestTs = commitTs;
  }
  assert.equal(value === null, writers.length === 0);
  const commitTs = writers.find(({ id }) => id === value)?.commitTs ?? null;
  assert.ok(commitTs === null || commitTs === newestTs, `${name} is of ${value}, an older commit`);
}
