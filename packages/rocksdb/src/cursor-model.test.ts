// Cursors against a sorted array, on a database whose cache holds next to nothing: walks change
// between memory and disk all the time, in files of several levels.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, encodeBatch } from "./batch.ts";
import type { Cursor } from "./cursor.ts";
import type { Database } from "./database.ts";
import {
  bytes,
  numbered,
  openIn,
  put,
  remove,
  removeRange,
  withDirectory,
} from "./testing/world.ts";

const keysMax = 4000;
const tiny = {
  blockCacheBytes: 64 * 1024,
  blockBytes: 1024,
  writeBufferBytes: 64 * 1024,
  fileBytes: 64 * 1024,
  compression: "none",
} as const;

type Model = Map<number, string>;
type RandomInt = (below: number) => number;

/** Marsaglia's xorshift. */
function seeded(seed: number): RandomInt {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function randomChange(random: RandomInt, model: Model, withRanges: boolean): Change {
  const index = random(keysMax);
  const kind = random(100);
  if (withRanges && kind < 1) {
    const end = Math.min(keysMax, index + random(400));
    for (let deleted = index; deleted < end; deleted++) model.delete(deleted);
    return removeRange(numbered(index), numbered(end));
  }
  if (kind < 20) {
    model.delete(index);
    return remove(numbered(index));
  }
  const value = `${index}.`.repeat(random(60));
  model.set(index, value);
  return put(numbered(index), value);
}

async function fill(database: Database, random: RandomInt, withRanges: boolean): Promise<Model> {
  const model: Model = new Map();
  for (let round = 0; round < 300; round++) {
    const changes = Array.from({ length: 50 }, () => randomChange(random, model, withRanges));
    await database.write(encodeBatch(changes), { sync: false });
    if (round % 10 === 0) await database.flush();
  }
  return model;
}

interface Walk {
  readonly lower: number;
  readonly upper: number | null;
  readonly reverse: boolean;
}

function expectedRows(model: Model, walk: Walk, from: number | null): string[] {
  const { lower, upper, reverse } = walk;
  const indexes = [...model.keys()]
    .filter((index) => index >= lower && (upper === null || index < upper))
    .sort((a, b) => (reverse ? b - a : a - b))
    .filter((index) => from === null || (reverse ? index <= from : index >= from));
  return indexes.map((index) => `${numbered(index)}=${model.get(index)}`);
}

async function take(cursor: Cursor, rows: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < rows && (await cursor.next())) taken.push(`${cursor.key}=${cursor.value}`);
  return taken;
}

async function checkWalk(database: Database, model: Model, random: RandomInt): Promise<void> {
  const lower = random(keysMax);
  const walk: Walk = {
    lower,
    upper: random(3) === 0 ? null : lower + random(keysMax),
    reverse: random(2) === 0,
  };
  const cursor = database.iterate("default", {
    lower: bytes(numbered(lower)),
    upper: walk.upper === null ? null : bytes(numbered(walk.upper)),
    reverse: walk.reverse,
    snapshot: null,
  });
  let from: number | null = null;
  for (let seeks = random(4); seeks >= 0; seeks--) {
    const count = random(500);
    const expected = expectedRows(model, walk, from).slice(0, count);
    assert.deepEqual(await take(cursor, count), expected, JSON.stringify({ ...walk, from }));
    from = random(keysMax);
    cursor.seek(bytes(numbered(from)));
  }
  cursor.close();
}

async function checkGets(database: Database, model: Model, random: RandomInt): Promise<void> {
  const indexes = Array.from({ length: random(64) + 1 }, () => random(keysMax));
  const keys = indexes.map((index) => bytes(numbered(index)));
  const found = await database.getMany("default", keys, null);
  const expected = indexes.map((index) => model.get(index) ?? null);
  assert.deepEqual(
    found.map((value) => value?.toString() ?? null),
    expected,
  );
  const first = await database.get("default", keys[0] ?? bytes(""), null);
  assert.equal(first?.toString() ?? null, expected[0]);
}

for (const withRanges of [false, true]) {
  for (const seed of [1, 2, 3]) {
    const name = withRanges ? "with range deletions" : "without range deletions";
    test(`cursors and gets agree with a sorted array, ${name}, seed ${seed}`, () =>
      withDirectory(async (directory) => {
        const random = seeded(seed);
        const writing = await openIn(directory, tiny);
        const model = await fill(writing, random, withRanges);
        await writing.close();
        const database = await openIn(directory, tiny);
        for (let round = 0; round < 60; round++) {
          await checkWalk(database, model, random);
          await checkGets(database, model, random);
        }
        await database.close();
      }));
  }
}
