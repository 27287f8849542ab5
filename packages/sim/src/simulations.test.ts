// Kept seeds pass, a few new ones too, and a seed that is played twice goes the same way twice.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runSeed } from "./run-seed.ts";
import { parseSeeds } from "./seeds.ts";
import type { Simulation } from "./simulation.ts";
import { findSimulation, simulations } from "./simulations/index.ts";

const seedsEach = 10;

async function passes(simulation: Simulation, seed: number): Promise<void> {
  const { problems } = await runSeed(simulation, seed);
  assert.equal(problems.join("\n"), "", `npm run sim -- ${simulation.name} --seed ${seed}`);
}

for (const simulation of simulations) {
  for (let seed = 1; seed <= seedsEach; seed += 1) {
    test(`${simulation.name}: seed ${seed} passes`, () => passes(simulation, seed));
  }

  test(`${simulation.name}: a seed that is played twice goes the same way twice`, async () => {
    for (const seed of [101, 102, 103]) {
      assert.deepEqual(await runSeed(simulation, seed), await runSeed(simulation, seed));
    }
    const [one, other] = [await runSeed(simulation, 104), await runSeed(simulation, 105)];
    assert.notEqual(one.traceHash, other.traceHash);
  });
}

const kept = readFileSync(join(import.meta.dirname, "..", "seeds.txt"), "utf8");
for (const { simulation: name, seed } of parseSeeds(kept)) {
  test(`${name}: the kept seed ${seed} passes`, async () => {
    const simulation = findSimulation(name);
    assert.ok(simulation !== null, `seeds.txt names ${name}`);
    await passes(simulation, seed);
  });
}
