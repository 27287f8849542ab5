// Views of a moment.

import assert from "node:assert/strict";
import { createWriteBatch } from "../write-batch.ts";
import { bytes, type EngineCase, put, rows } from "./engine-case.ts";

export const snapshotCases: readonly EngineCase[] = [
  {
    sentence: "a snapshot does not see what is written later",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2", c: "3" });
      const snapshot = engine.snapshot();
      await put(engine, { a: "new", d: "new" });
      const batch = createWriteBatch();
      batch.delete("default", bytes("b"));
      batch.deleteRange("default", bytes("c"), bytes("d"));
      await engine.write(batch, { sync: false });

      const values = await engine.getMany("default", ["a", "b", "c", "d"].map(bytes), snapshot);
      assert.deepEqual(
        values.map((value) => value?.toString() ?? null),
        ["1", "2", "3", null],
      );
      assert.equal((await engine.get("default", bytes("a"), snapshot))?.toString(), "1");
      assert.deepEqual(await rows(engine, "default", { snapshot }), ["a=1", "b=2", "c=3"]);
      assert.deepEqual(await rows(engine, "default"), ["a=new", "d=new"]);
      snapshot.release();
    },
  },
  {
    sentence: "snapshots of different moments stand side by side",
    run: async ({ engine }) => {
      const snapshots = [];
      for (let index = 0; index < 20; index += 1) {
        await put(engine, { a: `${index}`, [`k${index}`]: "v" });
        snapshots.push(engine.snapshot());
      }
      for (const [index, snapshot] of snapshots.entries()) {
        assert.equal((await engine.get("default", bytes("a"), snapshot))?.toString(), `${index}`);
        assert.equal((await rows(engine, "default", { snapshot })).length, index + 2);
        snapshot.release();
      }
    },
  },
  {
    sentence: "a snapshot that is released twice is released once",
    run: async ({ engine }) => {
      const snapshot = engine.snapshot();
      snapshot.release();
      snapshot.release();
    },
  },
];
