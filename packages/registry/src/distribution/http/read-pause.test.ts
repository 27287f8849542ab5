import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as burstIsOver } from "node:timers/promises";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { burstBytesMin, gatheredBytesMin, ReadPause, unpausedBytes } from "./read-pause.ts";

/** A socket that notes what is done to it, of a body of which so many bytes came already. */
function begin(bytes: number) {
  const world = createSimulatedWorld(1);
  const seen: string[] = [];
  const socket = { pause: () => seen.push("pause"), resume: () => seen.push("resume") };
  const readPause = new ReadPause(socket, world.env.clock);
  if (bytes > 0) readPause.took(bytes);
  return { world, seen, readPause };
}

test("behind a few bytes of a long body there is a readPause, and behind it the next", async () => {
  const { world, seen, readPause } = begin(unpausedBytes);
  await burstIsOver();
  assert.deepEqual(seen, [], "the first burst was much");
  for (const ms of [10, 20]) {
    readPause.took(1);
    readPause.took(1);
    await burstIsOver();
    assert.deepEqual(seen.splice(0), ["pause"]);
    await world.runUntil(ms);
    assert.deepEqual(seen.splice(0), ["resume"]);
    readPause.took(gatheredBytesMin);
    await burstIsOver();
    assert.deepEqual(seen, [], "that was worth a readPause, and needs none behind it");
  }
});

test("behind a pause that gathered little there is none for longer and longer", async () => {
  const { world, seen, readPause } = begin(unpausedBytes);
  await burstIsOver();
  const pausesBehind: number[] = [];
  let bytes = unpausedBytes;
  for (const piece = burstBytesMin / 2; bytes < 20 * unpausedBytes; bytes += piece) {
    readPause.took(piece);
    await burstIsOver();
    if (seen.splice(0).length > 0) pausesBehind.push(Math.round(bytes / unpausedBytes));
    await world.runUntil((bytes / piece) * 10);
    seen.length = 0;
  }
  assert.deepEqual(pausesBehind, [1, 2, 4, 8, 16]);
});

test("a body that is short is not let wait", async () => {
  const { seen, readPause } = begin(unpausedBytes - 10);
  for (let piece = 0; piece < 9; piece += 1) {
    await burstIsOver();
    readPause.took(1);
  }
  await burstIsOver();
  assert.deepEqual(seen, []);
});

test("a client that fills the reads is not let wait", async () => {
  const { seen, readPause } = begin(unpausedBytes);
  for (let burst = 0; burst < 3; burst += 1) {
    readPause.took(burstBytesMin / 2);
    readPause.took(burstBytesMin / 2);
    await burstIsOver();
  }
  assert.deepEqual(seen, []);
});

test("a body that is over lets the socket be read at once, and for good", async () => {
  const { world, seen, readPause } = begin(unpausedBytes);
  await burstIsOver();
  readPause.took(1);
  await burstIsOver();
  readPause.end();
  assert.deepEqual(seen, ["pause", "resume"]);
  readPause.end();
  await world.runUntil(10);
  assert.deepEqual(seen, ["pause", "resume"]);
});

test("the end of a body comes before the pause behind its last bytes", async () => {
  const { seen, readPause } = begin(unpausedBytes);
  await burstIsOver();
  readPause.took(1);
  readPause.end();
  await burstIsOver();
  assert.deepEqual(seen, []);
});
