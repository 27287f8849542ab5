import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const build = fileURLToPath(new URL("../build.mjs", import.meta.url));

function run(environment: Record<string, string>) {
  const env = { ...process.env, LD_PRELOAD: "", ...environment };
  return spawnSync(process.execPath, [build], { env, encoding: "utf8" });
}

test("what was built with the same sources is not built again", () => {
  assert.equal(run({}).status, 0);
  const again = run({});
  assert.equal(again.status, 0);
  assert.match(again.stdout, /is up to date/);
});

test("a missing compiler is named, with the command that installs it", () => {
  const { status, stderr } = run({ PATH: "/nowhere" });
  assert.equal(status, 1);
  assert.match(stderr, /g\+\+ is missing: .*apt-get install .*g\+\+ librocksdb-dev/);
});
