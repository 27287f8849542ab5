// Walks over many rows.

import assert from "node:assert/strict";
import { createWriteBatch } from "../write-batch.ts";
import { bytes, type EngineCase, everything, put, rows } from "./engine-case.ts";

const five = { a: "1", b: "2", c: "3", d: "4", e: "5" };

export const iteratorCases: readonly EngineCase[] = [
  {
    sentence: "an iterator walks both ways",
    run: async ({ engine }) => {
      await put(engine, five);
      assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2", "c=3", "d=4", "e=5"]);
      const backwards = await rows(engine, "default", { reverse: true });
      assert.deepEqual(backwards, ["e=5", "d=4", "c=3", "b=2", "a=1"]);
    },
  },
  {
    sentence: "bounds: the lower belongs to it, the upper does not",
    run: async ({ engine }) => {
      await put(engine, five);
      const between = async (lower: string, upper: string | null, reverse: boolean) => {
        const bounds = { lower: bytes(lower), upper: upper === null ? null : bytes(upper) };
        return (await rows(engine, "default", { ...bounds, reverse })).join(" ");
      };
      assert.equal(await between("b", "d", false), "b=2 c=3");
      assert.equal(await between("b", "d", true), "c=3 b=2");
      assert.equal(await between("bb", "dd", false), "c=3 d=4");
      assert.equal(await between("bb", "dd", true), "d=4 c=3");
      assert.equal(await between("d", null, false), "d=4 e=5");
      assert.equal(await between("d", null, true), "e=5 d=4");
      for (const reverse of [false, true]) {
        assert.equal(await between("c", "c", reverse), "");
        assert.equal(await between("d", "b", reverse), "");
        assert.equal(await between("f", null, reverse), "");
        assert.equal(await between("0", "1", reverse), "");
      }
    },
  },
  {
    sentence: "an iterator over nothing ends at once, and stays there",
    run: async ({ engine }) => {
      for (const reverse of [false, true]) {
        const iterator = engine.iterate("default", { ...everything, reverse });
        assert.equal(await iterator.next(), false);
        assert.equal(await iterator.next(), false);
        iterator.close();
      }
    },
  },
  {
    sentence: "an iterator that has ended stays there",
    run: async ({ engine }) => {
      await put(engine, five);
      for (const reverse of [false, true]) {
        const bounds = { lower: bytes("b"), upper: bytes("d") };
        const iterator = engine.iterate("default", { ...everything, ...bounds, reverse });
        for (const more of [true, true, false, false, false]) {
          assert.equal(await iterator.next(), more);
        }
        iterator.close();
      }
    },
  },
  {
    sentence: "an iterator shows the moment at which it was made",
    run: async ({ engine }) => {
      await put(engine, five);
      const iterator = engine.iterate("default", everything);
      await put(engine, { a: "new", aa: "new", f: "new" });
      const seen: string[] = [];
      while (await iterator.next()) seen.push(`${iterator.key}=${iterator.value}`);
      iterator.close();
      assert.deepEqual(seen, ["a=1", "b=2", "c=3", "d=4", "e=5"]);
    },
  },
  {
    sentence: "keys alone come with empty values",
    run: async ({ engine }) => {
      await put(engine, five);
      assert.deepEqual(
        await rows(engine, "default", { keysOnly: true }),
        Object.keys(five).map((key) => `${key}=`),
      );
    },
  },
  {
    sentence: "many rows come page by page, none lost and none twice",
    run: async ({ engine }) => {
      const count = 20_000;
      const batch = createWriteBatch();
      const keys = Array.from({ length: count }, (_, index) => `${index}`.padStart(6, "0"));
      for (const key of keys) batch.put("write", bytes(key), bytes(key.repeat(10)));
      await engine.write(batch, { sync: false });
      const expected = keys.map((key) => `${key}=${key.repeat(10)}`);
      assert.deepEqual(await rows(engine, "write"), expected);
      assert.deepEqual(await rows(engine, "write", { reverse: true }), expected.reverse());
    },
  },
  {
    sentence: "rows of very different sizes come whole",
    run: async ({ engine }) => {
      const sizes = [0, 1, 100, 300_000, 5, 1_500_000, 0, 70_000, 2];
      const entries = sizes.map((size, index): [string, string] => [`${index}`, "v".repeat(size)]);
      await put(engine, Object.fromEntries(entries));
      const expected = entries.map(([key, value]) => `${key}=${value}`);
      assert.deepEqual(await rows(engine, "default"), expected);
      assert.deepEqual(await rows(engine, "default", { reverse: true }), expected.reverse());
    },
  },
  {
    sentence: "bounds and keys are the caller's again after the call",
    run: async ({ engine }) => {
      await put(engine, five);
      const lower = bytes("b");
      const upper = bytes("d");
      const iterator = engine.iterate("default", { ...everything, lower, upper });
      lower.fill("x");
      upper.fill("x");
      const seen: string[] = [];
      while (await iterator.next()) seen.push(iterator.key.toString());
      iterator.close();
      assert.deepEqual(seen, ["b", "c"]);
    },
  },
];
