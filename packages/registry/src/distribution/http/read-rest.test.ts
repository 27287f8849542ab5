import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as burstIsOver } from "node:timers/promises";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { burstBytesMin, gatheredBytesMin, ReadRest, restlessBytes } from "./read-rest.ts";

/** A socket that notes what is done to it, of a body of which so many bytes came already. */
function begin(bytes: number) {
  const world = createSimulatedWorld(1);
  const seen: string[] = [];
  const socket = { pause: () => seen.push("pause"), resume: () => seen.push("resume") };
  const rest = new ReadRest(socket, world.env.clock);
  if (bytes > 0) rest.took(bytes);
  return { world, seen, rest };
}

test("behind a few bytes of a long body there is a rest, and behind it the next", async () => {
  const { world, seen, rest } = begin(restlessBytes);
  await burstIsOver();
  assert.deepEqual(seen, [], "the first burst was much");
  for (const ms of [10, 20]) {
    rest.took(1);
    rest.took(1);
    await burstIsOver();
    assert.deepEqual(seen.splice(0), ["pause"]);
    await world.runUntil(ms);
    assert.deepEqual(seen.splice(0), ["resume"]);
    rest.took(gatheredBytesMin);
    await burstIsOver();
    assert.deepEqual(seen, [], "that was worth a rest, and needs none behind it");
  }
});

test("behind a rest that gathered little there is none for longer and longer", async () => {
  const { world, seen, rest } = begin(restlessBytes);
  await burstIsOver();
  const restsBehind: number[] = [];
  let bytes = restlessBytes;
  for (const piece = burstBytesMin / 2; bytes < 20 * restlessBytes; bytes += piece) {
    rest.took(piece);
    await burstIsOver();
    if (seen.splice(0).length > 0) restsBehind.push(Math.round(bytes / restlessBytes));
    await world.runUntil((bytes / piece) * 10);
    seen.length = 0;
  }
  assert.deepEqual(restsBehind, [1, 2, 4, 8, 16]);
});

test("a body that is short is not let wait", async () => {
  const { seen, rest } = begin(restlessBytes - 10);
  for (let piece = 0; piece < 9; piece += 1) {
    await burstIsOver();
    rest.took(1);
  }
  await burstIsOver();
  assert.deepEqual(seen, []);
});

test("a client that fills the reads is not let wait", async () => {
  const { seen, rest } = begin(restlessBytes);
  for (let burst = 0; burst < 3; burst += 1) {
    rest.took(burstBytesMin / 2);
    rest.took(burstBytesMin / 2);
    await burstIsOver();
  }
  assert.deepEqual(seen, []);
});

test("a body that is over lets the socket be read at once, and for good", async () => {
  const { world, seen, rest } = begin(restlessBytes);
  await burstIsOver();
  rest.took(1);
  await burstIsOver();
  rest.end();
  assert.deepEqual(seen, ["pause", "resume"]);
  rest.end();
  await world.runUntil(10);
  assert.deepEqual(seen, ["pause", "resume"]);
});

test("the end of a body comes before the rest behind its last bytes", async () => {
  const { seen, rest } = begin(restlessBytes);
  await burstIsOver();
  rest.took(1);
  rest.end();
  await burstIsOver();
  assert.deepEqual(seen, []);
});
