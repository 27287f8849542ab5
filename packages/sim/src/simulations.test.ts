// Kept seeds pass, a few new ones too, and a seed that is played twice goes the same way twice.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runSeed } from "./run-seed.ts";
import { parseSeeds } from "./seeds.ts";
import type { Play } from "./simulation.ts";
import { simulations } from "./simulations/index.ts";

const seedsEach = 5;

async function passes(name: string, play: Play, seed: number): Promise<void> {
  const { problems } = await runSeed({ name, play }, seed);
  assert.equal(problems.join("\n"), "", `npm run sim -- ${name} --seed ${seed}`);
}

const plays = new Map<string, Play>();
for (const simulation of simulations) plays.set(simulation.name, await simulation.prepare());

for (const [name, play] of plays) {
  for (let seed = 1; seed <= seedsEach; seed += 1) {
    test(`${name}: seed ${seed} passes`, () => passes(name, play, seed));
  }

  test(`${name}: a seed that is played twice goes the same way twice`, async () => {
    for (const seed of [101, 102]) {
      assert.deepEqual(await runSeed({ name, play }, seed), await runSeed({ name, play }, seed));
    }
    const one = await runSeed({ name, play }, 104);
    const other = await runSeed({ name, play }, 105);
    assert.notEqual(one.traceHash, other.traceHash);
  });
}

const kept = readFileSync(join(import.meta.dirname, "..", "seeds.txt"), "utf8");
for (const { simulation: name, seed } of parseSeeds(kept)) {
  test(`${name}: the kept seed ${seed} passes`, async () => {
    const play = plays.get(name);
    assert.ok(play !== undefined, `seeds.txt names ${name}`);
    await passes(name, play, seed);
  });
}
