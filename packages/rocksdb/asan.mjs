// Runs the package's tests on an addon that is compiled with the address, leak and
// undefined-behaviour sanitizers. Node and librocksdb are not: what they do with memory is seen
// only where it is malloc's or ours.
//
//   node packages/rocksdb/asan.mjs [test file]...

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAddon } from "./build.mjs";

const sourceDirectory = join(dirname(fileURLToPath(import.meta.url)), "src");
// Node leaves at its end what it needs no more, and V8 keeps tagged pointers that no leak checker
// follows. A leak of ours has a frame of ours.
const leaksOfOthers = ["leak:node::", "leak:v8::", "leak:uv_", "leak:napi_", "leak:libc.so"];

const { path } = await buildAddon({ sanitize: true });
const work = mkdtempSync(join(tmpdir(), "rocksdb-asan-"));
const suppressions = join(work, "leaks");
writeFileSync(suppressions, `${leaksOfOthers.join("\n")}\n`);
const named = process.argv.slice(2);
const tests = readdirSync(sourceDirectory)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join(sourceDirectory, name));
const loader = ["--conditions=source", "--import", import.meta.resolve("tsx")];
const result = spawnSync(
  process.execPath,
  [...loader, "--test", "--test-reporter=spec", ...(named.length > 0 ? named : tests)],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      LD_PRELOAD: sanitizerLibrary(),
      SAMPAN_ROCKSDB_ADDON: path,
      ASAN_OPTIONS: "detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1",
      LSAN_OPTIONS: `suppressions=${suppressions}:print_suppressions=0`,
      UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
    },
  },
);
rmSync(work, { recursive: true });
process.exitCode = result.status ?? 1;

/** Must be loaded before everything else, which only a preload does: Node is not linked with it. */
function sanitizerLibrary() {
  const found = spawnSync("g++", ["-print-file-name=libasan.so"], { encoding: "utf8" });
  return found.stdout.trim();
}
