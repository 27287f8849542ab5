// Jumps of an iterator.

import assert from "node:assert/strict";
import type { Engine, IterateOptions } from "../engine.ts";
import { bytes, type EngineCase, everything, put } from "./engine-case.ts";

const three = { b: "1", d: "2", f: "3" };
const after = async (engine: Engine, to: string, options: Partial<IterateOptions>) => {
  const iterator = engine.iterate("default", { ...everything, ...options });
  iterator.seek(bytes(to));
  const found = (await iterator.next()) ? iterator.key.toString() : null;
  iterator.close();
  return found;
};

export const seekCases: readonly EngineCase[] = [
  {
    sentence: "seek jumps to the first entry at or behind the key",
    run: async ({ engine }) => {
      await put(engine, three);
      const expected = { a: "b", b: "b", c: "d", d: "d", e: "f", f: "f", g: null };
      for (const [to, found] of Object.entries(expected)) {
        assert.equal(await after(engine, to, {}), found, to);
      }
    },
  },
  {
    sentence: "backwards seek jumps to the first entry at or before the key",
    run: async ({ engine }) => {
      await put(engine, three);
      const expected = { a: null, b: "b", c: "b", d: "d", e: "d", f: "f", g: "f" };
      for (const [to, found] of Object.entries(expected)) {
        assert.equal(await after(engine, to, { reverse: true }), found, to);
      }
    },
  },
  {
    sentence: "seek does not leave the bounds",
    run: async ({ engine }) => {
      await put(engine, { ...three, h: "4" });
      const bounds = { lower: bytes("c"), upper: bytes("g") };
      assert.equal(await after(engine, "a", bounds), "d");
      assert.equal(await after(engine, "g", bounds), null);
      assert.equal(await after(engine, "z", bounds), null);
      assert.equal(await after(engine, "z", { ...bounds, reverse: true }), "f");
      assert.equal(await after(engine, "g", { ...bounds, reverse: true }), "f");
      assert.equal(await after(engine, "b", { ...bounds, reverse: true }), null);
    },
  },
  {
    sentence: "seek goes on from there, forward and back, also after the end",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2", c: "3", d: "4" });
      const iterator = engine.iterate("default", everything);
      const next = async () => ((await iterator.next()) ? iterator.key.toString() : null);
      assert.equal(await next(), "a");
      iterator.seek(bytes("c"));
      assert.deepEqual([await next(), await next(), await next()], ["c", "d", null]);
      iterator.seek(bytes("b"));
      assert.deepEqual([await next(), await next()], ["b", "c"]);
      iterator.seek(bytes("a"));
      iterator.seek(bytes("d"));
      assert.deepEqual([await next(), await next()], ["d", null]);
      iterator.close();
    },
  },
  {
    sentence: "seek finds its place among many rows",
    run: async ({ engine }) => {
      const keys = Array.from({ length: 5_000 }, (_, index) => `${index * 2}`.padStart(6, "0"));
      await put(engine, Object.fromEntries(keys.map((key) => [key, `v${key}`])));
      for (const reverse of [false, true]) {
        const iterator = engine.iterate("default", { ...everything, reverse });
        for (let target = 1; target < 9_999; target += 997) {
          iterator.seek(bytes(`${target}`.padStart(6, "0")));
          const even = target % 2 === 0 ? target : target + (reverse ? -1 : 1);
          assert.equal(await iterator.next(), true);
          assert.equal(iterator.key.toString(), `${even}`.padStart(6, "0"));
          assert.equal(iterator.value.toString(), `v${iterator.key}`);
        }
        iterator.close();
      }
    },
  },
];
