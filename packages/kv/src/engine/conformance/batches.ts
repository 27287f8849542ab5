// What one batch does.

import assert from "node:assert/strict";
import { families } from "../engine.ts";
import { createWriteBatch } from "../write-batch.ts";
import { bytes, type EngineCase, put, read, rows } from "./engine-case.ts";

export const batchCases: readonly EngineCase[] = [
  {
    sentence: "a batch is applied whole, over all families",
    run: async ({ engine }) => {
      const batch = createWriteBatch();
      for (const family of families) batch.put(family, bytes("a"), bytes(family));
      await engine.write(batch, { sync: true });
      for (const family of families) assert.equal(await read(engine, "a", family), family);
    },
  },
  {
    sentence: "the changes of a batch happen in their order",
    run: async ({ engine }) => {
      const batch = createWriteBatch();
      batch.put("default", bytes("a"), bytes("1"));
      batch.put("default", bytes("a"), bytes("2"));
      batch.put("default", bytes("b"), bytes("1"));
      batch.delete("default", bytes("b"));
      batch.delete("default", bytes("c"));
      batch.put("default", bytes("c"), bytes("1"));
      await engine.write(batch, { sync: false });
      assert.deepEqual(await rows(engine, "default"), ["a=2", "c=1"]);
    },
  },
  {
    sentence: "a range is deleted from its start to before its end",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2", bb: "3", c: "4", d: "5" });
      await put(engine, { b: "kept" }, "lock");
      const batch = createWriteBatch();
      batch.deleteRange("default", bytes("b"), bytes("d"));
      await engine.write(batch, { sync: false });
      assert.deepEqual(await rows(engine, "default"), ["a=1", "d=5"]);
      assert.deepEqual(await rows(engine, "lock"), ["b=kept"]);
    },
  },
  {
    sentence: "a range is deleted between the changes before and behind it",
    run: async ({ engine }) => {
      const batch = createWriteBatch();
      batch.put("default", bytes("a"), bytes("before"));
      batch.deleteRange("default", bytes("a"), bytes("z"));
      batch.put("default", bytes("b"), bytes("behind"));
      await engine.write(batch, { sync: false });
      assert.deepEqual(await rows(engine, "default"), ["b=behind"]);
    },
  },
  {
    sentence: "a range whose end is not behind its start deletes nothing",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2" });
      const batch = createWriteBatch();
      batch.deleteRange("default", bytes("b"), bytes("b"));
      batch.deleteRange("default", bytes("b"), bytes("a"));
      await engine.write(batch, { sync: false });
      assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2"]);
    },
  },
  {
    sentence: "an empty batch is written",
    run: async ({ engine }) => {
      await engine.write(createWriteBatch(), { sync: false });
      await engine.write(createWriteBatch(), { sync: true });
    },
  },
  {
    sentence: "a batch may be used again once write was called",
    run: async ({ engine }) => {
      const batch = createWriteBatch();
      batch.put("default", bytes("a"), bytes("1"));
      const first = engine.write(batch, { sync: false });
      batch.clear();
      batch.put("default", bytes("b"), bytes("2"));
      await Promise.all([first, engine.write(batch, { sync: false })]);
      assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2"]);
    },
  },
  {
    sentence: "keys and values of a batch are copied",
    run: async ({ engine }) => {
      const key = bytes("a");
      const value = bytes("1");
      const batch = createWriteBatch();
      batch.put("default", key, value);
      key.fill("x");
      value.fill("x");
      await engine.write(batch, { sync: false });
      assert.deepEqual(await rows(engine, "default"), ["a=1"]);
    },
  },
];
