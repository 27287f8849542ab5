// Everything is closed, once, last opened first.

import { deepEqual, match } from "node:assert/strict";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { Closers } from "./closers.ts";

test("the last opened is closed first, and one that fails keeps no other open", async () => {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const { log } = createNodeEnv({
    service: "test",
    log: { level: "error", format: "json", stream },
  });
  const closed: string[] = [];
  const closers = new Closers(log);
  for (const name of ["directory", "engine", "store"]) {
    closers.add(name, async () => {
      if (name === "engine") throw new Error("it is stuck");
      closed.push(name);
    });
  }
  await closers.close();
  await closers.close();
  deepEqual(closed, ["store", "directory"]);
  match(lines.join(""), /it is stuck.*could not close the engine/);
});
