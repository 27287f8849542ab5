// The tools' own command lines, and the line that npm test prints for each file.

import { equal, match, ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./tree.ts";

async function run(args: readonly string[]) {
  // A test runner inside of a test would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const loader = ["--conditions=source", "--import", "tsx"];
  const child = spawn(process.execPath, [...loader, ...args], { cwd: root, env });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, out, err };
}

for (const tool of ["tools/check.ts", "tools/test.ts"]) {
  test(`${tool} shows its usage, and says what is wrong with a line`, async () => {
    const [help, wrong] = await Promise.all([run([tool, "--help"]), run([tool, "--bogus"])]);
    equal(help.code, 0);
    match(help.out, /^usage: npm .* {2}--help {2,}show this\n$/s);
    equal(wrong.code, 2);
    equal(wrong.out, "");
    match(wrong.err, /^.* no .*--bogus\n\nusage: npm /);
  });
}

const files = {
  "a-slow.test.ts":
    'import test from "node:test"; test("a", () => new Promise((ok) => setTimeout(ok, 1_500)));',
  "aa-helped.test.ts": 'import { declare } from "./helper.ts"; declare();',
  "helper.ts": 'import test from "node:test"; export const declare = () => test("a", () => {});',
  "good.test.ts": 'import test from "node:test"; test("a", () => {});',
  "bad.test.ts": 'import test from "node:test"; test("a", () => { throw new Error("bad"); });',
  "absent.test.ts": 'import "./nothing.ts";',
  "late.test.ts": 'import test from "node:test"; test("a", () => {}); process.exitCode = 3;',
};

test("a file that fails as a whole is never ok in the report", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "sampan-report-"));
  context.after(() => rm(directory, { recursive: true }));
  const paths: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith(".test.ts")) paths.push(join(directory, name));
    await writeFile(join(directory, name), text);
  }
  const reporter = join(root, "tools", "test-reporter.mjs");
  // At once, and the first the slowest: so all others end before Node tells of their tests.
  const flags = ["--test", "--test-concurrency=4", `--test-reporter=${reporter}`];
  const { code, out } = await run([...flags, ...paths]);
  equal(code, 1);
  const line = (name: string) =>
    out.split("\n").find((text) => text.includes(name) && text.endsWith(" s")) ?? "";
  match(line("a-slow"), /^ok .* 1 passed {2}/);
  match(line("aa-helped"), /^ok .* 1 passed {2}/);
  match(line("good"), /^ok .* 1 passed {2}/);
  match(line("bad"), /^FAIL .* 0 passed, 1 failed {2}/);
  match(line("absent"), /^FAIL .* 0 passed, ended with exit code 1 {2}/);
  match(line("late"), /^FAIL .* 1 passed, ended with exit code 3 {2}/);
  ok(out.endsWith("4 passed, 3 failed, 0 skipped\n"), out);
});
