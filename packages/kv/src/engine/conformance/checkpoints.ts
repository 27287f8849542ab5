// Copies of a moment.

import assert from "node:assert/strict";
import { families } from "../engine.ts";
import { type EngineCase, put, read, rejectsWith } from "./engine-case.ts";

export const checkpointCases: readonly EngineCase[] = [
  {
    sentence: "a checkpoint is a copy of its moment that stands alone",
    run: async (under) => {
      const { engine, checkpointDirectory, openCheckpoint } = under;
      for (const family of families) await put(engine, { a: family }, family);
      await engine.checkpoint(checkpointDirectory);
      await put(engine, { a: "later", b: "later" });
      const copy = await openCheckpoint(checkpointDirectory);
      for (const family of families) assert.equal(await read(copy, "a", family), family);
      assert.equal(await read(copy, "b"), null);
      await put(copy, { a: "in the copy" });
      assert.equal(await read(engine, "a"), "later");
      await copy.close();
    },
  },
  {
    sentence: "a checkpoint does not go where something is",
    run: async (under) => {
      const { engine, checkpointDirectory } = under;
      await engine.checkpoint(checkpointDirectory);
      await rejectsWith("io", () => engine.checkpoint(checkpointDirectory));
    },
  },
];
