// Timestamps that never go back: over restarts, crashes, and clocks that jump either way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { composeTimestamp, logicalCount, physicalMs, type Timestamp } from "../core/index.ts";
import { openTimestampOracle, type TimestampOracle, windowMs } from "./timestamp-oracle.ts";

interface Bench {
  readonly world: SimulatedWorld;
  /** What is on disk. */
  bound: Timestamp;
  persists: number;
  /** How long one more write of the bound takes, milliseconds; null: it fails. */
  persistMs: number | null;
}

function newBench(): Bench {
  return { world: createSimulatedWorld(1), bound: 0n, persists: 0, persistMs: 0 };
}

function open(bench: Bench): Promise<TimestampOracle> {
  const { env } = bench.world;
  const persist = async (bound: Timestamp): Promise<void> => {
    bench.persists += 1;
    if (bench.persistMs === null) throw new IoError("io", "as the test wants");
    if (bench.persistMs > 0) await env.clock.sleep(bench.persistMs);
    bench.bound = bound;
  };
  return openTimestampOracle(env, persist, bench.bound);
}

const sleep = (bench: Bench, ms: number): Promise<void> => bench.world.env.clock.sleep(ms);
const wallMs = (bench: Bench): number => bench.world.env.clock.now();
const run = (bench: Bench, body: () => Promise<void>): Promise<void> => bench.world.drive(body());

test("timestamps rise by one within a millisecond and follow the wall clock", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    const first = oracle.next();
    assert.equal(physicalMs(first), wallMs(bench));
    assert.equal(oracle.next(), first + 1n);
    assert.equal(oracle.last, first + 1n);
    await sleep(bench, 5);
    assert.equal(oracle.next(), composeTimestamp(wallMs(bench), 0));
  });
});

test("every timestamp lies below the bound that is on disk", async () => {
  const bench = newBench();
  bench.persistMs = 700;
  await run(bench, async () => {
    const oracle = await open(bench);
    let before = 0n;
    for (let step = 0; step < 400; step++) {
      const timestamp = oracle.next();
      assert.ok(timestamp > before && timestamp < bench.bound);
      before = timestamp;
      await sleep(bench, bench.world.env.random.int(200));
    }
    assert.ok(bench.persists < 40, "one write for half a window");
    assert.ok(wallMs(bench) - physicalMs(before) < 2 * windowMs, "it keeps up with the clock");
  });
});

test("an idle store writes no bound, and the first timestamp after it waits for none", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    const before = oracle.next();
    await sleep(bench, 3_600_000);
    assert.equal(bench.persists, 1);
    const after = oracle.next();
    assert.ok(after > before && after < bench.bound);
    await sleep(bench, 1);
    assert.equal(physicalMs(oracle.next()), wallMs(bench));
  });
});

test("a crash loses no order: the next life starts at the bound", async () => {
  const bench = newBench();
  await run(bench, async () => {
    let before = 0n;
    for (let life = 0; life < 20; life++) {
      const oracle = await open(bench);
      for (let count = 0; count < 3; count++) {
        const timestamp = oracle.next();
        assert.ok(timestamp > before);
        before = timestamp;
      }
      await sleep(bench, 10);
    }
    const aheadMs = physicalMs(before) - wallMs(bench);
    assert.ok(aheadMs <= windowMs + 20 * 100, `${aheadMs} ms ahead after 20 crashes`);
  });
});

test("an orderly restart carries time nowhere", async () => {
  const bench = newBench();
  await run(bench, async () => {
    let before = 0n;
    for (let life = 0; life < 20; life++) {
      const oracle = await open(bench);
      const timestamp = oracle.next();
      assert.ok(timestamp > before);
      before = timestamp;
      await oracle.close();
    }
    assert.ok(physicalMs(before) - wallMs(bench) <= 20);
  });
});

test("a wall clock that jumps back is waited for, with a warning", async () => {
  const bench = newBench();
  await run(bench, async () => {
    let oracle = await open(bench);
    const before = oracle.next();
    bench.world.main.jumpWallClock(-7_200_000);
    const after = oracle.next();
    assert.equal(after, before + 1n);
    oracle = await open(bench);
    assert.ok(oracle.next() > after);
    oracle.next();
    const warnings = bench.world.lines.filter((line) => line.level === "warn");
    assert.equal(warnings.length, 2, "once in each life");
    await sleep(bench, 7_200_000 + 2 * windowMs);
    oracle.next();
    await sleep(bench, 1);
    assert.equal(physicalMs(oracle.next()), wallMs(bench));
  });
});

test("a leap forward that does not last is not followed", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    oracle.next();
    const year = 365 * 24 * 3_600_000;
    bench.world.main.jumpWallClock(year);
    for (let second = 0; second < 50; second++) {
      oracle.next();
      await sleep(bench, 1000);
    }
    bench.world.main.jumpWallClock(-year);
    oracle.next();
    await sleep(bench, 1);
    assert.equal(physicalMs(oracle.next()), wallMs(bench));
    assert.match(bench.world.lines.at(-1)?.message ?? "", /leapt forward/);
  });
});

test("a leap forward that lasts is followed after a minute", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    oracle.next();
    bench.world.main.jumpWallClock(3_600_000);
    oracle.next();
    await sleep(bench, 30_000);
    assert.ok(physicalMs(oracle.next()) < wallMs(bench) - 3_000_000);
    await sleep(bench, 31_000);
    oracle.next();
    await sleep(bench, 1);
    assert.equal(physicalMs(oracle.next()), wallMs(bench));
  });
});

test("more timestamps than a millisecond has borrow the next one", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    const first = oracle.next();
    for (let count = 1; count < logicalCount; count++) oracle.next();
    assert.equal(physicalMs(oracle.last), physicalMs(first) + 1);
    const before = oracle.last;
    assert.ok(oracle.next() > before);
  });
});

test("when the bound cannot be written, timestamps go on below the old one", async () => {
  const bench = newBench();
  await run(bench, async () => {
    const oracle = await open(bench);
    bench.persistMs = null;
    let before = oracle.next();
    for (let minute = 0; minute < 10; minute++) {
      await sleep(bench, 60_000);
      const timestamp = oracle.next();
      assert.ok(timestamp > before && timestamp < bench.bound);
      before = timestamp;
    }
  });
});

test("a bound that cannot be written at the start fails the opening", async () => {
  const bench = newBench();
  bench.persistMs = null;
  await run(bench, () => assert.rejects(open(bench), IoError));
});
