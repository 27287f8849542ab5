// Random changes, views and cursors beside a naive twin.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { emptyView, getFrom, MapCursor, type MapView, SortedMap } from "./sorted-map.ts";

type Twin = Map<string, string>;

function contents(view: MapView): string[][] {
  const cursor = new MapCursor(view);
  const entries: string[][] = [];
  for (let entry = cursor.next(); entry !== null; entry = cursor.next()) {
    entries.push([entry.key.toString(), entry.value.toString()]);
  }
  return entries;
}

function sorted(twin: Twin): string[][] {
  return [...twin].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function change(random: Random, map: SortedMap, twin: Twin): void {
  const key = `${random.int(900)}`;
  const kind = random.int(20);
  if (kind < 12) {
    const value = `${random.int(1000)}`;
    map.set(Buffer.from(key), Buffer.from(value));
    twin.set(key, value);
  } else if (kind < 19) {
    map.delete(Buffer.from(key));
    twin.delete(key);
  } else {
    const to = `${random.int(900)}`;
    map.deleteRange(Buffer.from(key), Buffer.from(to));
    for (const name of twin.keys()) if (name >= key && name < to) twin.delete(name);
  }
}

test("sorted map: random changes agree with a naive twin, and views stay as they were", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { random } = createSimulatedWorld(seed).env;
    let map = new SortedMap(emptyView);
    const twin: Twin = new Map();
    const views: { view: MapView; was: string[][] }[] = [];
    for (let round = 0; round < 4_000; round += 1) {
      change(random, map, twin);
      const probe = `${random.int(900)}`;
      assert.equal(map.get(Buffer.from(probe))?.toString(), twin.get(probe));
      if (random.int(200) === 0) views.push({ view: map.view(), was: sorted(twin) });
      if (random.int(1000) === 0) map = new SortedMap(map.view());
    }
    assert.deepEqual(contents(map.view()), sorted(twin));
    for (const { view, was } of views) {
      assert.deepEqual(contents(view), was);
      for (const [key = "", value] of was) {
        assert.equal(getFrom(view, Buffer.from(key))?.toString(), value);
      }
    }
  }
});

test("sorted map: a cursor goes both ways from wherever it is put", () => {
  const { random } = createSimulatedWorld(1).env;
  const map = new SortedMap(emptyView);
  const twin: Twin = new Map();
  for (let round = 0; round < 1_000; round += 1) change(random, map, twin);
  const entries = sorted(twin);
  const cursor = new MapCursor(map.view());
  for (let round = 0; round < 500; round += 1) {
    const from = `${random.int(950)}`;
    const at = entries.findIndex(([key = ""]) => key >= from);
    const index = at < 0 ? entries.length : at;
    cursor.seek(Buffer.from(from));
    assert.equal(cursor.next()?.key.toString(), entries[index]?.[0]);
    cursor.seek(Buffer.from(from));
    for (let back = 1; back <= 5; back += 1) {
      assert.equal(cursor.previous()?.key.toString(), entries[index - back]?.[0]);
    }
  }
  cursor.seekEnd();
  assert.equal(cursor.next(), null);
  assert.equal(cursor.previous()?.key.toString(), entries.at(-1)?.[0]);
});

test("sorted map: nothing is in an empty one", () => {
  const map = new SortedMap(emptyView);
  map.delete(Buffer.from("a"));
  map.deleteRange(Buffer.from("a"), Buffer.from("b"));
  assert.equal(map.get(Buffer.from("a")), null);
  assert.equal(new MapCursor(map.view()).next(), null);
  assert.equal(new MapCursor(map.view()).previous(), null);
});
