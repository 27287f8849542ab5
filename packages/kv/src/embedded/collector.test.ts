// What is collected, when, and that it harms no reader.

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode } from "@sampan/env";
import { encodeWrite, newWrite, versionKey } from "../core/index.ts";
import type { Engine } from "../engine/engine.ts";
import { createWriteBatch } from "../engine/write-batch.ts";
import { commit, contents, get, key, rejectsWith, scan } from "../txn/conformance/text.ts";
import { keysWorthIt, sliceRows } from "./collector.ts";
import { openEmbeddedStore } from "./embedded.ts";
import { type SimulatedStore, withSimulatedStore } from "./testing/simulated-store.ts";
import { TimestampAges } from "./timestamp-ages.ts";

async function countRows(engine: Engine, family: "write" | "default"): Promise<number> {
  const bounds = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot: null };
  const iterator = engine.iterate(family, bounds);
  let rows = 0;
  while (await iterator.next()) rows += 1;
  iterator.close();
  return rows;
}

async function commitAll(simulated: SimulatedStore, scripts: readonly string[]): Promise<bigint[]> {
  const times: bigint[] = [];
  for (const pairs of scripts) times.push(await commit(simulated.store, pairs));
  return times;
}

test("behind the safe point the newest version of each key stays, and no deletion", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store, engine } = simulated;
    const long = "l".repeat(300);
    const times = await commitAll(simulated, [`a=1 b=${long} c=1`, "a=2 c", `b=${long}2`, "a=3"]);
    const last = times.at(-1) ?? 0n;
    const locks = createWriteBatch();
    for (const name of ["a", "d"]) {
      const record = encodeWrite(newWrite("lock", last + 1n, null));
      locks.put("write", versionKey(key(name), last + 2n), record);
    }
    await engine.write(locks, { sync: true });
    await simulated.world.env.clock.sleep(1_000);
    await store.transact((transaction) => transaction.lock([key("a")]));
    assert.equal(await countRows(engine, "write"), 9);
    const { rows, removed, safePoint } = await store.gc(store.newestTimestamp());
    assert.deepEqual({ rows, removed }, { rows: 9, removed: 8 });
    assert.equal(safePoint, store.safePoint());
    assert.equal(await countRows(engine, "write"), 2);
    assert.equal(await countRows(engine, "default"), 1);
    assert.equal(await contents(store), `a=3 b=${long}2`);
  });
});

test("versions above the safe point stay, and what a reader at it sees", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store } = simulated;
    const times = await commitAll(simulated, ["a=1", "a=2", "a=3", "a", "a=5"]);
    await store.gc(times[2] ?? 0n);
    const expected = ["3", null, "5"];
    for (const [index, at] of times.slice(2).entries()) {
      const snapshot = await store.snapshot(at);
      assert.equal(await get(snapshot, "a"), expected[index]);
      snapshot.release();
    }
    await rejectsWith("snapshot-too-old", store.snapshot((times[2] ?? 0n) - 1n));
  });
});

test("live snapshots and transactions hold the safe point back", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store } = simulated;
    await commitAll(simulated, ["a=1"]);
    const snapshot = await store.snapshot();
    await commitAll(simulated, ["a=2", "a=3"]);
    await store.transact(async (transaction) => {
      const { startTs } = transaction;
      assert.ok((await store.gc(store.newestTimestamp())).safePoint <= snapshot.startTs);
      assert.equal(await get(snapshot, "a"), "1");
      snapshot.release();
      assert.equal((await store.gc(store.newestTimestamp())).safePoint, startTs);
      assert.equal(await get(transaction, "a"), "3");
    });
  });
});

test("a snapshot that outlived its time, or was never released, holds nothing back", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store, pass } = simulated;
    await commitAll(simulated, ["a=1"]);
    const forgotten = await store.snapshot();
    await pass(600_001);
    await commitAll(simulated, ["a=2"]);
    assert.ok((await store.gc(store.newestTimestamp())).safePoint > forgotten.startTs);
    assert.equal(store.stats().snapshotsOpen, 0);
    await rejectsWith("snapshot-too-old", forgotten.get(key("a")));
  });
});

test("the safe point never goes back, not over a restart either", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { world, store, engine } = simulated;
    const [first = 0n] = await commitAll(simulated, ["a=1", "a=2"]);
    const { safePoint } = await store.gc(store.newestTimestamp());
    assert.equal((await store.gc(first)).safePoint, safePoint);
    await store.close();
    await engine.close();
    const reopened = await openEmbeddedStore(world.env, { engine: engine.reopen() }, {});
    assert.equal(reopened.safePoint(), safePoint);
    await rejectsWith("snapshot-too-old", reopened.snapshot(first));
    await reopened.close();
  });
});

test("one key of more versions than a slice has is collected whole", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store, engine } = simulated;
    const versions = 2 * sliceRows + 17;
    for (let count = 0; count < versions; count++) await commit(store, `k=${count}`);
    await commit(store, "k l=1");
    const { rows, removed } = await store.gc(store.newestTimestamp());
    assert.deepEqual({ rows, removed }, { rows: versions + 2, removed: versions + 1 });
    assert.equal(await countRows(engine, "write"), 1);
    assert.equal(await contents(store), "l=1");
  });
});

test("running, it collects what is older than the retention, once enough was written", async () => {
  const options = { store: { retentionMs: 60_000, collectEveryMs: 10_000 } };
  await withSimulatedStore(options, async (simulated) => {
    const { store, engine, pass } = simulated;
    const stopping = new AbortController();
    const running = store.run(stopping.signal);
    await commitAll(simulated, ["a=1", "a=2"]);
    await pass(90_000);
    assert.equal(await countRows(engine, "write"), 2, "two keys are not worth a walk");
    await overwrite(simulated, keysWorthIt);
    await pass(50_000);
    assert.ok((await countRows(engine, "write")) > keysWorthIt, "not that old yet");
    await pass(40_000);
    assert.equal(await countRows(engine, "write"), 1001);
    stopping.abort();
    await running;
  });
});

test("what was there before the store was opened is walked over once, when it is old", async () => {
  const options = { retentionMs: 60_000, collectEveryMs: 10_000 };
  await withSimulatedStore({}, async (simulated) => {
    const { world, store, engine, pass } = simulated;
    await commitAll(simulated, ["a=1", "a=2"]);
    await store.close();
    await engine.close();
    const again = engine.reopen();
    const reopened = await openEmbeddedStore(world.env, { engine: again }, options);
    const stopping = new AbortController();
    const running = reopened.run(stopping.signal);
    await pass(55_000);
    assert.equal(await countRows(again, "write"), 2);
    await pass(10_000);
    assert.equal(await countRows(again, "write"), 1);
    stopping.abort();
    await running;
    await reopened.close();
  });
});

/** Overwrites a thousand keys until so many were written. */
async function overwrite({ store }: SimulatedStore, keys: number): Promise<void> {
  for (let written = 0; written < keys; written += 1000) {
    await store.transact(async (transaction) => {
      for (let index = 0; index < 1000; index++) transaction.put(key(`k${index}`), key("1"));
    });
  }
}

test("a jump of the wall clock makes nothing old", async () => {
  const options = { store: { retentionMs: 60_000, collectEveryMs: 10_000 } };
  await withSimulatedStore(options, async (simulated) => {
    const { world, store, pass } = simulated;
    const stopping = new AbortController();
    const running = store.run(stopping.signal);
    const [first = 0n] = await commitAll(simulated, ["a=1", "a=2"]);
    await overwrite(simulated, keysWorthIt);
    world.main.jumpWallClock(30 * 86_400_000);
    await pass(50_000);
    const snapshot = await store.snapshot(first);
    assert.equal(await scan(snapshot, "..b"), "a=1");
    snapshot.release();
    world.main.jumpWallClock(-60 * 86_400_000);
    await pass(50_000);
    assert.ok(store.safePoint() > first, "a clock that was set back does not stop it");
    stopping.abort();
    await running;
  });
});

test("a walk that fails is reported, and the loop goes on", async () => {
  const options = { store: { retentionMs: 1000, collectEveryMs: 1000 } };
  await withSimulatedStore(options, async (simulated) => {
    const { world, store, engine, pass } = simulated;
    world.expectError(/a write failed|collecting old versions failed/);
    const stopping = new AbortController();
    const running = store.run(stopping.signal);
    await commitAll(simulated, ["a=1", "a=2"]);
    engine.failNextWrite("disk-full");
    await pass(10_000);
    const errors = world.lines.filter((line) => line.level === "error");
    assert.equal(errors.length, 2, "reported once: nothing is written any more");
    await assert.rejects(store.gc(store.newestTimestamp()), (e) => errorCode(e) === "disk-full");
    stopping.abort();
    await running;
  });
});

test("closing the store ends a walk after its slice", async () => {
  await withSimulatedStore({}, async (simulated) => {
    const { store } = simulated;
    await overwrite(simulated, 5000);
    const collecting = store.gc(store.newestTimestamp());
    await store.close();
    assert.ok((await collecting).rows < 5000);
    await rejectsWith("closed", store.gc(0n));
  });
});

test("the signal ends a walk after its slice too", async () => {
  const options = { store: { retentionMs: 1000, collectEveryMs: 1000 } };
  await withSimulatedStore(options, async (simulated) => {
    const { store, engine, pass } = simulated;
    await overwrite(simulated, keysWorthIt);
    const stopping = new AbortController();
    const running = store.run(stopping.signal);
    while ((await countRows(engine, "write")) === keysWorthIt) await pass(5);
    stopping.abort();
    await running;
    const left = await countRows(engine, "write");
    assert.ok(left > 1001, `${left} rows are left`);
    await commit(store, "a=1");
    const again = new AbortController();
    const runningAgain = store.run(again.signal);
    await pass(5000);
    assert.ok((await countRows(engine, "write")) <= 1001, "the next run walks over the rest");
    again.abort();
    await runningAgain;
  });
});

test("a loop that outlives its store ends without a complaint", async () => {
  const options = { store: { retentionMs: 1000, collectEveryMs: 1000 } };
  await withSimulatedStore(options, async (simulated) => {
    const { store, engine, pass } = simulated;
    await overwrite(simulated, keysWorthIt);
    const running = store.run(new AbortController().signal);
    await pass(500);
    await store.close();
    await engine.close();
    await running;
  });
});

test("ages are told by the monotonic clock, from samples that stay few", () => {
  const ages = new TimestampAges(160);
  const check = (nowMs: number, expected: number | null): void => {
    assert.equal(ages.aged(nowMs)?.keys ?? null, expected);
  };
  check(0, null);
  for (let at = 0; at <= 10_000; at++) {
    ages.add(at, { timestamp: 1n, keys: at, bytes: 0 });
    check(at, at < 160 ? null : Math.floor((at - 160) / 10) * 10);
    assert.ok(ages.count <= 18);
  }
});
