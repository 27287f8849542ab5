// Files that are unlinked in another thread: what cannot be is told, and the others go all the same,
// with the thread or without it.

import { deepEqual, rejects } from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { FileRemoval } from "./file-removal.ts";

const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });

async function withFiles(count: number, body: (paths: string[]) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "sampan-removal-"));
  try {
    const paths = Array.from({ length: count }, (_, index) => join(directory, `${index}`));
    for (const path of paths) writeFileSync(path, "x");
    await body(paths);
    deepEqual(readdirSync(directory), ["kept"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const threads = {
  "in a thread": undefined,
  "when the thread ends at once": new URL("data:text/javascript,process.exit(1)"),
  "when there is no thread": new URL("file:///no/such/thread.mjs"),
};

for (const [how, thread] of Object.entries(threads)) {
  for (const count of [3, 50]) {
    test(`of ${count} files ${how} one that cannot be unlinked keeps none of the others`, () =>
      withFiles(count, async (paths) => {
        const removal = new FileRemoval(env, thread);
        const directory = join(paths[0] ?? "", "..", "kept");
        mkdirSync(directory);
        const absent = join(directory, "absent");
        const what = [absent, ...paths.slice(0, 2), directory, ...paths.slice(2)];
        await rejects(removal.remove(what), { code: /^(EISDIR|EPERM)$/ });
      }));
  }
}

test("a batch comes behind another, and behind one that failed", () =>
  withFiles(60, async (paths) => {
    const removal = new FileRemoval(env);
    const directory = join(paths[0] ?? "", "..", "kept");
    mkdirSync(directory);
    await Promise.all([
      removal.remove(paths.slice(0, 20)),
      rejects(removal.remove([directory, ...paths.slice(20, 40)])),
      removal.remove(paths.slice(40)),
    ]);
  }));
