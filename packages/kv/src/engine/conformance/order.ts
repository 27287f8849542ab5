// Several batches at once.

import assert from "node:assert/strict";
import { families } from "../engine.ts";
import { createWriteBatch } from "../write-batch.ts";
import { bytes, type EngineCase, put, read, rows } from "./engine-case.ts";

export const orderCases: readonly EngineCase[] = [
  {
    sentence: "batches are applied and answered in the order of the calls",
    run: async ({ engine }) => {
      const answered: number[] = [];
      const writes = Array.from({ length: 100 }, async (_, index) => {
        const batch = createWriteBatch();
        batch.put("default", bytes("last"), bytes(`${index}`));
        batch.put("write", bytes(`${index}`.padStart(3, "0")), bytes("v"));
        await engine.write(batch, { sync: index % 7 === 0 });
        answered.push(index);
      });
      await Promise.all(writes);
      assert.deepEqual(
        answered,
        answered.map((_, index) => index),
      );
      assert.equal(await read(engine, "last"), "99");
      assert.equal((await rows(engine, "write")).length, 100);
    },
  },
  {
    sentence: "what was answered is read",
    run: async ({ engine }) => {
      for (let index = 0; index < 50; index += 1) {
        await put(engine, { a: `${index}` });
        assert.equal(await read(engine, "a"), `${index}`);
      }
    },
  },
  {
    sentence: "readers never see half a batch",
    run: async ({ engine }) => {
      for (let index = 0; index < 200; index += 1) {
        const batch = createWriteBatch();
        for (const family of families) batch.put(family, bytes("a"), bytes(`${index}`));
        const writing = engine.write(batch, { sync: index % 20 === 0 });
        const snapshot = engine.snapshot();
        const seen = await Promise.all(
          families.map(async (family) => {
            const value = await engine.get(family, bytes("a"), snapshot);
            return value?.toString() ?? null;
          }),
        );
        snapshot.release();
        assert.equal(new Set(seen).size, 1, seen.join(" "));
        await writing;
      }
    },
  },
];
