// What every environment must do, the real one and the simulated one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Env, Labels } from "./env.ts";

export interface EnvHarness {
  readonly env: Env;
  /** Lets time pass until the promise settles. */
  drive<T>(promise: Promise<T>): Promise<T>;
  /** What was logged at level debug and above so far. */
  logged(): readonly LoggedLine[];
  /** The value of a counter or gauge, the count of a histogram; null where there is none. */
  metric(name: string, labels: Labels): Promise<number | null>;
}

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function envConformance(name: string, create: () => EnvHarness): void {
  clockConformance(`${name} clock`, create);
  randomConformance(`${name} random`, create);
  logConformance(`${name} log`, create);
  metricsConformance(`${name} metrics`, create);
}

function clockConformance(name: string, create: () => EnvHarness): void {
  test(`${name}: a sleep takes at least its time`, async () => {
    const { env, drive } = create();
    for (const ms of [0, 0.5, 1, 3, 7.25]) {
      const before = env.clock.monotonic();
      await drive(env.clock.sleep(ms));
      const took = env.clock.monotonic() - before;
      assert.ok(took >= ms, `${ms} ms took ${took} ms`);
    }
  });

  test(`${name}: timers fire in the order of their times, each once`, async () => {
    const { env, drive } = create();
    const fired: string[] = [];
    env.clock.timer(6, () => fired.push("late"));
    env.clock.timer(1, () => fired.push("early"));
    const cancelled = env.clock.timer(3, () => fired.push("cancelled"));
    cancelled.cancel();
    cancelled.cancel();
    await drive(env.clock.sleep(12));
    assert.deepEqual(fired, ["early", "late"]);
  });

  test(`${name}: a time in the past fires at once, but not within the call`, async () => {
    const { env, drive } = create();
    let fired = false;
    env.clock.timer(-5, () => {
      fired = true;
    });
    assert.equal(fired, false);
    await drive(env.clock.sleep(3));
    assert.equal(fired, true);
  });

  test(`${name}: an abort ends a sleep with its reason`, async () => {
    const { env, drive } = create();
    const abort = new AbortController();
    env.clock.timer(1, () => abort.abort(new Error("enough")));
    await assert.rejects(drive(env.clock.sleep(60_000, abort.signal)), /enough/);
  });

  test(`${name}: a sleep on an aborted signal does not start`, async () => {
    const { env, drive } = create();
    const signal = AbortSignal.abort(new Error("before"));
    await assert.rejects(drive(env.clock.sleep(60_000, signal)), /before/);
  });

  test(`${name}: a wait beyond 2^31 ms does not fire early`, async () => {
    const { env, drive } = create();
    let fired = false;
    const timer = env.clock.timer(2 ** 40, () => {
      fired = true;
    });
    await drive(env.clock.sleep(3));
    timer.cancel();
    assert.equal(fired, false);
  });

  test(`${name}: a wait that is no number is refused`, () => {
    const { env } = create();
    assert.throws(() => env.clock.timer(Number.NaN, () => undefined), /NaN/);
    assert.throws(() => env.clock.timer(Number.POSITIVE_INFINITY, () => undefined), /Infinity/);
  });

  test(`${name}: the wall clock counts whole milliseconds since the epoch`, () => {
    const { env } = create();
    assert.ok(Number.isSafeInteger(env.clock.now()));
    assert.ok(env.clock.now() > 1_600_000_000_000);
  });
}

function randomConformance(name: string, create: () => EnvHarness): void {
  test(`${name}: whole numbers stay below their bound and reach all of it`, () => {
    const { env } = create();
    for (const below of [1, 2, 3, 7]) {
      const seen = new Set<number>();
      for (let draw = 0; draw < 400; draw += 1) seen.add(env.random.int(below));
      assert.deepEqual([...seen].sort(), [...Array(below).keys()]);
    }
    for (let draw = 0; draw < 400; draw += 1) {
      const wide = env.random.int(2 ** 32);
      assert.ok(Number.isInteger(wide) && wide >= 0 && wide < 2 ** 32);
    }
  });

  test(`${name}: a bound outside 1 to 2^32 is refused`, () => {
    const { env } = create();
    for (const below of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      assert.throws(() => env.random.int(below), /below/);
    }
  });

  test(`${name}: fractions fill [0, 1)`, () => {
    const { env } = create();
    const drawn = Array.from({ length: 1000 }, () => env.random.fraction());
    assert.ok(drawn.every((each) => each >= 0 && each < 1));
    assert.ok(drawn.some((each) => each < 0.1) && drawn.some((each) => each > 0.9));
  });

  test(`${name}: bytes come in the count asked for`, () => {
    const { env } = create();
    for (const count of [0, 1, 3, 4, 31]) assert.equal(env.random.bytes(count).length, count);
    assert.notDeepEqual(env.random.bytes(16), env.random.bytes(16));
  });

  test(`${name}: a UUID is of version 4 and new`, () => {
    const { env } = create();
    const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    assert.match(env.random.uuid(), version4);
    assert.notEqual(env.random.uuid(), env.random.uuid());
  });
}

function logConformance(name: string, create: () => EnvHarness): void {
  test(`${name}: a line carries level, message and fields`, () => {
    const { env, logged } = create();
    env.log.debug("first");
    env.log.info("second", { bytes: 7 });
    env.log.warn("third", { name: "a b" });
    assert.deepEqual(logged(), [
      { level: "debug", message: "first", fields: {} },
      { level: "info", message: "second", fields: { bytes: 7 } },
      { level: "warn", message: "third", fields: { name: "a b" } },
    ]);
  });

  test(`${name}: a log made with fields adds them, the line's own win`, () => {
    const { env, logged } = create();
    const inner = env.log.with({ request: "r1" }).with({ project: "library" });
    inner.info("push", { project: "other" });
    env.log.info("outside");
    assert.deepEqual(logged(), [
      { level: "info", message: "push", fields: { request: "r1", project: "other" } },
      { level: "info", message: "outside", fields: {} },
    ]);
  });

  test(`${name}: any value may be a field`, () => {
    const { env, logged } = create();
    const circle: { self?: unknown } = {};
    circle.self = circle;
    env.log.info("odd", { big: 2n ** 60n, none: null, circle, error: new Error("boom") });
    env.log.info("after");
    assert.equal(logged().at(-1)?.message, "after");
  });
}

function metricsConformance(name: string, create: () => EnvHarness): void {
  test(`${name}: a counter adds up by its labels`, async () => {
    const { env, metric } = create();
    const pulls = env.metrics.counter("pulls_total", { help: "Pulls.", labels: ["kind"] });
    pulls.add(1, { kind: "blob" });
    pulls.add(2.5, { kind: "blob" });
    pulls.add(1, { kind: "manifest" });
    assert.equal(await metric("pulls_total", { kind: "blob" }), 3.5);
    assert.equal(await metric("pulls_total", { kind: "manifest" }), 1);
    assert.equal(await metric("pulls_total", { kind: "index" }), null);
  });

  test(`${name}: a gauge keeps what was set last, a histogram counts`, async () => {
    const { env, metric } = create();
    const open = env.metrics.gauge("open", { help: "Open." });
    open.set(3);
    open.set(2);
    const seconds = env.metrics.histogram("seconds", { help: "Time.", buckets: [0.1, 1] });
    for (const value of [0.05, 0.5, 5]) seconds.observe(value);
    assert.equal(await metric("open", {}), 2);
    assert.equal(await metric("seconds", {}), 3);
  });

  test(`${name}: asking twice gives the same metric, another kind is refused`, async () => {
    const { env, metric } = create();
    env.metrics.counter("twice_total", { help: "Twice." }).add();
    env.metrics.counter("twice_total", { help: "Twice." }).add();
    assert.equal(await metric("twice_total", {}), 2);
    assert.throws(() => env.metrics.gauge("twice_total", { help: "Twice." }), /no gauge/);
  });

  test(`${name}: a label that was not declared is refused`, () => {
    const { env } = create();
    const counter = env.metrics.counter("strict_total", { help: "Strict.", labels: ["a"] });
    assert.throws(() => counter.add(1, { b: "1" }), /label/);
  });
}
