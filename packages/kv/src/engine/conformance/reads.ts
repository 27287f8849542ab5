// Single reads.

import assert from "node:assert/strict";
import { families } from "../engine.ts";
import { bytes, type EngineCase, put, read, rows } from "./engine-case.ts";

export const readCases: readonly EngineCase[] = [
  {
    sentence: "a key that was never written has no value",
    run: async ({ engine }) => {
      for (const family of families) assert.equal(await read(engine, "a", family), null);
    },
  },
  {
    sentence: "a value is read back as it was written",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2" });
      assert.equal(await read(engine, "a"), "1");
      assert.equal(await read(engine, "b"), "2");
      assert.equal(await read(engine, "aa"), null);
    },
  },
  {
    sentence: "the newest value counts",
    run: async ({ engine }) => {
      for (const value of ["1", "2", "3"]) await put(engine, { a: value });
      assert.equal(await read(engine, "a"), "3");
    },
  },
  {
    sentence: "an empty value is a value",
    run: async ({ engine }) => {
      await put(engine, { a: "" });
      assert.equal(await read(engine, "a"), "");
      assert.deepEqual(await rows(engine, "default"), ["a="]);
    },
  },
  {
    sentence: "keys are any bytes, in the order of the bytes",
    run: async ({ engine }) => {
      const keys = [
        "\0",
        "\0\0",
        "\0\x01",
        "\x01",
        "a",
        "a\0",
        "a\xff",
        "b",
        "\x7f",
        "\x80",
        "\xff",
      ];
      await put(engine, Object.fromEntries([...keys].reverse().map((key) => [key, "v"])));
      const sorted = keys.map(bytes).sort(Buffer.compare);
      const expected = sorted.map((key) => `${key.toString("latin1")}=v`);
      assert.deepEqual(await rows(engine, "default"), expected);
      for (const key of keys) assert.equal(await read(engine, key), "v");
    },
  },
  {
    sentence: "long keys and large values are read back",
    run: async ({ engine }) => {
      const key = "k".repeat(4096);
      const value = "v".repeat(3 * 1024 * 1024);
      await put(engine, { [key]: value });
      assert.equal(await read(engine, key), value);
      assert.deepEqual(await rows(engine, "default"), [`${key}=${value}`]);
    },
  },
  {
    sentence: "families have keys of their own",
    run: async ({ engine }) => {
      for (const family of families) await put(engine, { a: family }, family);
      for (const family of families) {
        assert.equal(await read(engine, "a", family), family);
        assert.deepEqual(await rows(engine, family), [`a=${family}`]);
      }
    },
  },
  {
    sentence: "getMany answers in the order of the keys, absent and double ones too",
    run: async (under) => {
      const { engine } = under;
      await put(engine, { a: "1", b: "2" });
      const keys = ["b", "x", "a", "b"].map(bytes);
      const values = await engine.getMany("default", keys, null);
      assert.deepEqual(
        values.map((value) => value?.toString() ?? null),
        ["2", null, "1", "2"],
      );
      assert.deepEqual(await engine.getMany("default", [], null), []);
    },
  },
  {
    sentence: "the bytes of a value are the caller's",
    run: async ({ engine }) => {
      await put(engine, { a: "1" });
      (await engine.get("default", bytes("a"), null))?.fill("x");
      (await engine.getMany("default", [bytes("a")], null))[0]?.fill("x");
      assert.equal(await read(engine, "a"), "1");
    },
  },
];
