// The memory engine passes the conformance suite, and crashes and fails as it says.

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { engineConformance } from "./conformance.ts";
import { type Engine, families } from "./engine.ts";
import { createMemoryEngine, type MemoryEngine } from "./memory.ts";
import { createWriteBatch } from "./write-batch.ts";

engineConformance("memory", async () => {
  const { env } = createSimulatedWorld(1);
  const engine = createMemoryEngine(env, {});
  return {
    engine,
    reopen: async () => engine.reopen(),
    checkpointDirectory: "checkpoint",
    openCheckpoint: async (directory) => engine.openCheckpoint(directory),
    dispose: async () => undefined,
  };
});

/** Writes the number to every family, and to a key of its own. */
function writeNumber(engine: Engine, number: number, sync: boolean): Promise<void> {
  const batch = createWriteBatch();
  for (const family of families) batch.put(family, Buffer.from("number"), Buffer.from(`${number}`));
  batch.put("default", Buffer.from(`n${number}`), Buffer.from("here"));
  return engine.write(batch, { sync });
}

/** The number in all families; -1: none. */
async function readNumber(engine: Engine): Promise<number> {
  const values = await Promise.all(
    families.map(async (family) => engine.get(family, Buffer.from("number"), null)),
  );
  const numbers = values.map((value) => (value === null ? -1 : Number(value)));
  assert.equal(new Set(numbers).size, 1, `the families disagree: ${numbers.join(" ")}`);
  const number = numbers[0] ?? -1;
  for (let below = 0; below <= number + 1; below += 1) {
    const isHere = (await engine.get("default", Buffer.from(`n${below}`), null)) !== null;
    assert.equal(isHere, below <= number, `batch ${below} of ${number}`);
  }
  return number;
}

test("memory: a crash leaves a prefix, whole batches, nothing synced is lost", async () => {
  const left = new Set<number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const world = createSimulatedWorld(seed);
    const engine = createMemoryEngine(world.env, {});
    for (let number = 0; number < 10; number += 1) await writeNumber(engine, number, number === 4);
    const number = await readNumber(engine.crash(world.env.random));
    assert.ok(number >= 4 && number <= 9, `${number}`);
    left.add(number);
  }
  assert.deepEqual([...left].sort(), [4, 5, 6, 7, 8, 9], "every prefix is drawn some time");
});

test("memory: what is not answered yet may be left or lost", async () => {
  const left = new Set<number>();
  for (let seed = 0; seed < 100; seed += 1) {
    const world = createSimulatedWorld(seed);
    const engine = createMemoryEngine(world.env, { delayMsMax: 10 });
    await world.drive(writeNumber(engine, 0, true));
    writeNumber(engine, 1, true).catch(() => undefined);
    await world.runUntil(world.nowMs() + world.env.random.int(20));
    left.add(await readNumber(engine.crash(world.env.random)));
  }
  assert.deepEqual([...left].sort(), [0, 1]);
});

test("memory: crash upon crash", async () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const { env } = createSimulatedWorld(seed);
    let engine: MemoryEngine = createMemoryEngine(env, {});
    let synced = -1;
    let next = 0;
    for (let life = 0; life < 10; life += 1) {
      for (let writes = env.random.int(6); writes > 0; writes -= 1) {
        const sync = env.random.int(3) === 0;
        await writeNumber(engine, next, sync);
        if (sync) synced = next;
        next += 1;
      }
      engine = engine.crash(env.random);
      const number = await readNumber(engine);
      assert.ok(number >= synced && number < next);
      synced = number;
      next = number + 1;
    }
  }
});

test("memory: an engine that has crashed never answers again", async () => {
  const world = createSimulatedWorld(1);
  const engine = createMemoryEngine(world.env, {});
  await writeNumber(engine, 0, true);
  const iterator = engine.iterate("default", {
    lower: Buffer.alloc(0),
    upper: null,
    reverse: false,
    snapshot: null,
  });
  const answered: string[] = [];
  const note = (name: string, promise: unknown) => {
    Promise.resolve(promise).then(
      () => answered.push(name),
      () => answered.push(name),
    );
  };
  note("a write under way", writeNumber(engine, 1, true));
  engine.crash(world.env.random);
  note("get", engine.get("default", Buffer.from("number"), null));
  note("getMany", engine.getMany("default", [], null));
  note("next", iterator.next());
  note("write", writeNumber(engine, 2, false));
  note("checkpoint", engine.checkpoint("somewhere"));
  note("close", engine.close());
  await world.runUntilIdle();
  assert.deepEqual(answered, []);
});

test("memory: a full disk refuses the batch and all behind it, until a reopening", async () => {
  const { env } = createSimulatedWorld(1);
  const engine = createMemoryEngine(env, {});
  await writeNumber(engine, 0, true);
  engine.failNextWrite("disk-full");
  const isFull = (error: unknown) => errorCode(error) === "disk-full";
  await assert.rejects(writeNumber(engine, 1, true), isFull);
  await assert.rejects(writeNumber(engine, 2, false), isFull);
  assert.equal(await readNumber(engine), 0, "reads go on, without the batch that failed");
  await engine.close();
  const again = engine.reopen();
  const number = await readNumber(again);
  await writeNumber(again, number + 1, true);
  assert.equal(await readNumber(again), number + 1);
});

test("memory: a write that comes when it is busy did not happen, the next one does", async () => {
  const { env } = createSimulatedWorld(1);
  const engine = createMemoryEngine(env, {});
  engine.failNextWrite("busy");
  await assert.rejects(writeNumber(engine, 0, true), /busy|more writes wait/);
  assert.equal(await readNumber(engine), -1);
  await writeNumber(engine, 0, true);
  assert.equal(await readNumber(engine.crash(env.random)), 0);
});

test("memory: whether a batch that failed is on the disk is open", async () => {
  const left = new Set<number>();
  for (let seed = 0; seed < 50; seed += 1) {
    const { env } = createSimulatedWorld(seed);
    const engine = createMemoryEngine(env, {});
    await writeNumber(engine, 0, true);
    engine.failNextWrite("io");
    await assert.rejects(writeNumber(engine, 1, true), /io/);
    left.add(await readNumber(engine.crash(env.random)));
  }
  assert.deepEqual([...left].sort(), [0, 1]);
});

test("memory: writers that wait together share the time of one sync", async () => {
  const world = createSimulatedWorld(1);
  const engine = createMemoryEngine(world.env, { delayMsMax: 10 });
  const writes = Array.from({ length: 50 }, (_, number) => writeNumber(engine, number, true));
  await world.drive(Promise.all(writes));
  assert.ok(world.nowMs() > 0 && world.nowMs() <= 40, `${world.nowMs()} ms`);
  assert.equal(await readNumber(engine), 49);
  engine.setDelay(0);
  const beforeMs = world.nowMs();
  await world.drive(writeNumber(engine, 50, true));
  assert.equal(world.nowMs(), beforeMs, "delays can be switched off");
});

test("memory: reads wait now and then when they are told to", async () => {
  const world = createSimulatedWorld(1);
  const engine = createMemoryEngine(world.env, { delayMsMax: 5, readsPerWait: 4 });
  await world.drive(writeNumber(engine, 0, false));
  const answers = Array.from({ length: 100 }, () =>
    engine.get("raft", Buffer.from("number"), null),
  );
  const waiting = answers.filter((answer) => answer instanceof Promise);
  assert.ok(waiting.length > 10 && waiting.length < 50, `${waiting.length} of 100 wait`);
  for (const value of await world.drive(Promise.all(answers))) assert.equal(`${value}`, "0");
});

test("memory: a row that was not copied is lost at the next step", async () => {
  const { env } = createSimulatedWorld(1);
  const engine = createMemoryEngine(env, {});
  await writeNumber(engine, 0, false);
  const options = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot: null };
  const iterator = engine.iterate("default", options);
  await iterator.next();
  const kept = iterator.value;
  assert.equal(kept.toString(), "here");
  await iterator.next();
  assert.notEqual(kept.toString(), "here");
  iterator.close();
  assert.throws(() => iterator.key, /no row/);
  assert.throws(() => iterator.next(), /closed/);
});

test("memory: a hundred thousand keys with snapshots in between", async () => {
  const { env } = createSimulatedWorld(1);
  const engine = createMemoryEngine(env, {});
  const snapshots = [];
  for (let number = 0; number < 100; number += 1) {
    const batch = createWriteBatch();
    for (let key = 0; key < 1000; key += 1) {
      batch.put("default", Buffer.from(`${key}/${number}`), Buffer.from(`${number}`));
    }
    await engine.write(batch, { sync: false });
    snapshots.push(engine.snapshot());
  }
  const [first, last] = [snapshots[0] ?? null, snapshots[99] ?? null];
  const count = async (snapshot: typeof first) => {
    const options = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot };
    const iterator = engine.iterate("default", options);
    let rows = 0;
    while (await iterator.next()) rows += 1;
    return rows;
  };
  assert.equal(await count(first), 1000);
  assert.equal(await count(last), 100_000);
});
