// A machine over its lives: what goes with the power and what does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import { Machine } from "./machine.ts";
import { Count } from "./simulation.ts";

test("a wall clock that jumped is as wrong in the lives behind a crash and a restart", async () => {
  const world = createSimulatedWorld(1);
  const offsetsMs: number[] = [];
  const parts = {
    firstEngine: () => createMemoryEngine(world.env, {}),
    boot: async (env: typeof world.env) => {
      offsetsMs.push(env.clock.now() - world.env.clock.now());
      return { stop: async () => undefined };
    },
    onCrash: () => undefined,
    faults: new Count(),
    problem: (text: string) => assert.fail(text),
  };
  const machine = new Machine(world, parts, 0);
  machine.start();
  machine.apply({ atMs: 10, fault: { type: "clock-jump", byMs: -5_000 } });
  machine.apply({ atMs: 20, fault: { type: "crash", downMs: 1 } });
  machine.apply({ atMs: 30, fault: { type: "clock-jump", byMs: 60_000 } });
  machine.apply({ atMs: 40, fault: { type: "restart", downMs: 1 } });
  await world.runUntil(100);
  assert.deepEqual(offsetsMs, [0, -5_000, 55_000]);
});
