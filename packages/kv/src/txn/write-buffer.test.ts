// The writes of a transaction laid over what is stored, against a naive twin.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { keyName, WriteBuffer } from "./write-buffer.ts";

const key = (text: string): Uint8Array => Buffer.from(text);

test("names sort as their keys do, whatever the bytes", () => {
  const { random } = createSimulatedWorld(1).env;
  for (let count = 0; count < 2000; count++) {
    const a = Buffer.from(random.bytes(random.int(4)));
    const b = Buffer.from(random.bytes(random.int(4)));
    const [nameA, nameB] = [keyName(a), keyName(new Uint8Array(b))];
    const byName = nameA === nameB ? 0 : nameA < nameB ? -1 : 1;
    assert.equal(byName, Buffer.compare(a, b));
  }
});

test("bytes and keys are counted as they stand, not as they came", () => {
  const buffer = new WriteBuffer();
  buffer.put(key("a"), key("12345"));
  buffer.put(key("b"), key("1"));
  buffer.put(key("a"), key("1"));
  buffer.lock(key("a"));
  buffer.lock(key("c"));
  assert.deepEqual([buffer.count, buffer.bytes], [3, 2 + 2 + 1]);
  buffer.delete(key("a"));
  assert.deepEqual([buffer.count, buffer.bytes], [3, 1 + 2 + 1]);
  assert.deepEqual(
    buffer.sorted().map(({ name, type }) => `${type} ${name}`),
    ["delete a", "put b", "lock c"],
  );
});

test("any overlay of any range, limit and direction is that of a sorted map", () => {
  const { random } = createSimulatedWorld(2).env;
  const names = "abcdefghij".split("");
  for (let round = 0; round < 3000; round++) {
    const stored = new Map<string, string>();
    for (const name of names) if (random.int(2) === 0) stored.set(name, "s");
    const buffer = new WriteBuffer();
    const merged = new Map(stored);
    for (let count = random.int(8); count > 0; count--) {
      const name = names[random.int(names.length)] ?? "";
      const kind = random.int(3);
      if (kind === 0) {
        buffer.put(key(name), key("o"));
        merged.set(name, "o");
      } else if (kind === 1) {
        buffer.delete(key(name));
        merged.delete(name);
      } else buffer.lock(key(name));
    }
    const start = names[random.int(names.length)] ?? "";
    const end = random.int(3) === 0 ? null : (names[random.int(names.length)] ?? "");
    const options = { limit: 1 + random.int(6), reverse: random.int(2) === 0 };
    const select = (from: ReadonlyMap<string, string>, limit: number): string[] => {
      const inside = [...from.keys()].filter(
        (name) => name >= start && (end === null || name < end),
      );
      const sorted = inside.sort();
      return (options.reverse ? sorted.reverse() : sorted).slice(0, limit);
    };
    const range = { start: key(start), end: end === null ? null : key(end) };
    const fromStore = select(stored, buffer.storeLimit(range, options.limit));
    const entries = fromStore.map((name) => ({ key: key(name), value: key("s") }));
    const found = buffer.overlay(entries, range, options);
    assert.deepEqual(
      found.map((entry) => `${keyName(entry.key)}=${keyName(entry.value)}`),
      select(merged, options.limit).map((name) => `${name}=${merged.get(name)}`),
    );
  }
});
