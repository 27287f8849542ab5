// The end of an engine, and the next opening.

import assert from "node:assert/strict";
import { families } from "../engine.ts";
import { createWriteBatch } from "../write-batch.ts";
import { bytes, type EngineCase, everything, put, read, rejectsWith, rows } from "./engine-case.ts";

export const closingCases: readonly EngineCase[] = [
  {
    sentence: "close waits for the writes under way",
    run: async ({ engine, reopen }) => {
      const writes = Array.from({ length: 20 }, (_, index) => put(engine, { [`k${index}`]: "v" }));
      const [, answers] = await Promise.all([engine.close(), Promise.allSettled(writes)]);
      assert.ok(answers.every(({ status }) => status === "fulfilled"));
      const again = await reopen();
      assert.equal((await rows(again, "default")).length, 20);
      await again.close();
    },
  },
  {
    sentence: "a second close is no other",
    run: async ({ engine }) => {
      await Promise.all([engine.close(), engine.close()]);
      await engine.close();
    },
  },
  {
    sentence: "after close everything is refused",
    run: async ({ engine, checkpointDirectory }) => {
      await engine.close();
      await rejectsWith("closed", () => engine.get("default", bytes("a"), null));
      await rejectsWith("closed", () => engine.getMany("default", [bytes("a")], null));
      await rejectsWith("closed", () => engine.write(createWriteBatch(), { sync: false }));
      await rejectsWith("closed", () => engine.write(createWriteBatch(), { sync: true }));
      await rejectsWith("closed", () => engine.snapshot());
      await rejectsWith("closed", () => engine.iterate("default", everything));
      await rejectsWith("closed", () => engine.checkpoint(checkpointDirectory));
    },
  },
  {
    sentence: "iterators and snapshots that are open at close are let go",
    run: async ({ engine }) => {
      await put(engine, { a: "1", b: "2" });
      const iterator = engine.iterate("default", everything);
      const snapshot = engine.snapshot();
      assert.equal(await iterator.next(), true);
      await engine.close();
      await rejectsWith("closed", () => iterator.next());
      iterator.close();
      snapshot.release();
    },
  },
  {
    sentence: "what was written is there after a reopening",
    run: async ({ engine, reopen }) => {
      for (const family of families) await put(engine, { a: family, b: "" }, family);
      const batch = createWriteBatch();
      batch.delete("lock", bytes("a"));
      batch.deleteRange("write", bytes("a"), bytes("z"));
      await engine.write(batch, { sync: true });
      await engine.close();
      const again = await reopen();
      assert.deepEqual(await rows(again, "default"), ["a=default", "b="]);
      assert.deepEqual(await rows(again, "lock"), ["b="]);
      assert.deepEqual(await rows(again, "write"), []);
      assert.deepEqual(await rows(again, "raft"), ["a=raft", "b="]);
      await put(again, { c: "3" });
      assert.equal(await read(again, "c"), "3");
      await again.close();
    },
  },
];
