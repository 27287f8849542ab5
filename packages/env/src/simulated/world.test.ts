import assert from "node:assert/strict";
import { test } from "node:test";
import { envConformance } from "../conformance.ts";
import type { Env } from "../env.ts";
import { createSimulatedWorld, type SimulatedWorld } from "./index.ts";
import { linesMax } from "./world.ts";

envConformance("simulated", () => {
  const world = createSimulatedWorld(1);
  return {
    env: world.env,
    drive: (promise) => world.drive(promise),
    logged: () => world.lines.map(({ level, message, fields }) => ({ level, message, fields })),
    metric: async (name, labels) => world.main.metrics.value(name, labels),
  };
});

/** Three processes that wait, draw and talk, with promises of several steps between the events. */
async function bustle(world: SimulatedWorld): Promise<void> {
  const shared: string[] = [];
  const worker = async ({ clock, random, log, buggify }: Env, name: string): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) {
      await clock.sleep(random.int(5));
      for (let step = random.int(4); step > 0; step -= 1) await Promise.resolve();
      shared.push(name);
      log.info("turn", { turn, seen: shared.length, odd: buggify("odd") });
    }
  };
  const envs = ["a", "b", "c"].map((name) => world.process(name).env);
  await world.drive(Promise.all(envs.map((env, index) => worker(env, String(index)))));
  world.trace(shared.join(""));
}

test("the same seed gives the same run, another seed another", async () => {
  const hashOf = async (seed: number): Promise<string> => {
    const world = createSimulatedWorld(seed, { buggify: true });
    await bustle(world);
    return world.traceHash();
  };
  assert.equal(await hashOf(7), await hashOf(7));
  assert.notEqual(await hashOf(7), await hashOf(8));
});

test("the trace of a seed is the same on every machine and in every release of Node", async () => {
  const world = createSimulatedWorld(42);
  await bustle(world);
  assert.equal(world.traceHash().slice(0, 16), "f3b92fa3086b5531");
});

test("a year passes at once", async () => {
  const world = createSimulatedWorld(1);
  const yearMs = 365 * 24 * 3600 * 1000;
  const before = world.env.clock.now();
  await world.drive(world.env.clock.sleep(yearMs));
  assert.equal(world.nowMs(), yearMs);
  assert.equal(world.env.clock.now() - before, yearMs);
});

test("promises settle before the next event of the same moment", async () => {
  const world = createSimulatedWorld(1);
  const order: string[] = [];
  const { clock } = world.env;
  const first = clock.sleep(5).then(async () => {
    for (let step = 0; step < 100; step += 1) await Promise.resolve();
    order.push("first, a hundred steps later");
  });
  clock.timer(5, () => order.push("second"));
  await world.runUntilIdle();
  await first;
  assert.deepEqual(order, ["first, a hundred steps later", "second"]);
});

test("runUntil fires what is due by then and leaves the clock there", async () => {
  const world = createSimulatedWorld(1);
  const fired: number[] = [];
  for (const ms of [1, 10, 11]) world.env.clock.timer(ms, () => fired.push(ms));
  await world.runUntil(10);
  assert.deepEqual(fired, [1, 10]);
  await world.runUntil(10.5);
  assert.equal(world.nowMs(), 10.5);
  await world.runUntilIdle();
  assert.deepEqual(fired, [1, 10, 11]);
  assert.equal(world.nowMs(), 11);
});

test("a wall clock jumps by itself, the monotonic one does not", async () => {
  const world = createSimulatedWorld(1);
  const other = world.process("other");
  const before = other.env.clock.now();
  await world.runUntil(100);
  other.jumpWallClock(-5000);
  assert.equal(other.env.clock.now(), before + 100 - 5000);
  assert.equal(other.env.clock.monotonic(), 100);
  assert.equal(world.env.clock.now(), before + 100);
});

test("a killed process does nothing any more", async () => {
  const world = createSimulatedWorld(1);
  const process = world.process("victim");
  const done: string[] = [];
  const live = async (): Promise<void> => {
    await process.env.clock.sleep(10);
    done.push("slept");
  };
  process.env.clock.timer(10, () => done.push("timer"));
  const life = live();
  await world.runUntil(5);
  process.kill();
  process.env.clock.timer(1, () => done.push("timer of a dead process"));
  await world.runUntilIdle();
  assert.deepEqual(done, []);
  await assert.rejects(world.drive(life), /nothing is scheduled/);
});

test("a draw in one process does not shift those of another", () => {
  const drawn = (draws: number): number => {
    const world = createSimulatedWorld(3);
    const other = world.process("other");
    for (let draw = 0; draw < draws; draw += 1) world.env.random.int(10);
    return other.env.random.int(2 ** 32);
  };
  assert.equal(drawn(0), drawn(17));
});

test("a line at level error fails the run and names the seed", async () => {
  const world = createSimulatedWorld(99);
  world.env.clock.timer(3, () => world.env.log.error("disk gone", { code: "io" }));
  await assert.rejects(world.runUntilIdle(), /seed 99 at 3 ms: unexpected .* disk gone code="io"/);
});

test("a line at level error that is expected does not fail the run", async () => {
  const world = createSimulatedWorld(99);
  world.expectError(/disk gone/);
  world.env.clock.timer(3, () => world.env.log.error("disk gone"));
  await world.runUntilIdle();
  assert.equal(world.lines.length, 1);
});

test("an exception in a timer ends the run", async () => {
  const world = createSimulatedWorld(1);
  world.env.clock.timer(3, () => {
    throw new Error("broken invariant");
  });
  await assert.rejects(world.runUntilIdle(), /broken invariant/);
});

test("a promise that nothing can settle fails instead of hanging", async () => {
  const world = createSimulatedWorld(5);
  const never = new Promise<void>(() => undefined);
  await assert.rejects(world.drive(never), /seed 5 at 0 ms: nothing is scheduled/);
});

test("marks are counted", () => {
  const world = createSimulatedWorld(1);
  world.env.log.mark("rare");
  world.env.log.with({ a: 1 }).mark("rare");
  assert.deepEqual([...world.marks], [["rare", 2]]);
});

test("only the newest lines are kept", () => {
  const world = createSimulatedWorld(1);
  for (let line = 0; line < linesMax + 5; line += 1) world.env.log.info(`${line}`);
  assert.equal(world.lines.length, linesMax);
  assert.equal(world.lines[0]?.message, "5");
});

test("buggify is off unless asked for, then some sites fire sometimes", () => {
  const fires = (world: SimulatedWorld, site: string): number => {
    let count = 0;
    for (let asked = 0; asked < 400; asked += 1) count += world.env.buggify(site) ? 1 : 0;
    return count;
  };
  const sites = Array.from({ length: 100 }, (_, index) => `site ${index}`);
  const quiet = createSimulatedWorld(1);
  assert.ok(sites.every((site) => fires(quiet, site) === 0));
  const loud = createSimulatedWorld(1, { buggify: true });
  const counts = sites.map((site) => fires(loud, site));
  const on = counts.filter((count) => count > 0);
  assert.ok(on.length > 10 && on.length < 40, `${on.length} sites of 100 are on`);
  assert.ok(on.every((count) => count > 50 && count < 150));
});

test("whether a site is on hangs on its name, not on the order of asking", () => {
  const firstAsked = (sites: readonly string[]): boolean[] => {
    const world = createSimulatedWorld(2, { buggify: true });
    const answers = new Map(sites.map((site) => [site, world.env.buggify(site)]));
    return ["a", "b", "c", "d"].map((site) => answers.get(site) ?? false);
  };
  assert.deepEqual(firstAsked(["a", "b", "c", "d"]), firstAsked(["d", "c", "b", "a"]));
});
