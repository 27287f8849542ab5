import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedRandom, nextWord } from "./random.ts";

test("the generator gives the outputs of its authors' program", () => {
  const state = Uint32Array.of(1, 2, 3, 4);
  const outputs = Array.from({ length: 5 }, () => nextWord(state));
  assert.deepEqual(outputs, [11520, 0, 5927040, 70819200, 2031721883]);
});

test("streams of one seed differ, the same stream repeats", () => {
  const first = (seed: number, stream: string) => createSimulatedRandom(seed, stream).int(2 ** 32);
  assert.equal(first(1, "a"), first(1, "a"));
  assert.notEqual(first(1, "a"), first(1, "b"));
  assert.notEqual(first(1, "a"), first(2, "a"));
});

test("small numbers are drawn evenly", () => {
  const random = createSimulatedRandom(1, "even");
  const counts = [0, 0, 0, 0, 0, 0];
  for (let draw = 0; draw < 60_000; draw += 1) {
    const drawn = random.int(6);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  assert.ok(
    counts.every((count) => Math.abs(count - 10_000) < 400),
    counts.join(" "),
  );
});
