// `npm test`: every test that needs nothing but this clone. Words name files or parts of their
// paths; `--rewrite` lets the scenario scripts and generated pages write what they now produce.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { root, treeFiles } from "./tree.ts";

const fileTimeoutMs = 180_000;

const words = process.argv.slice(2);
const rewrite = words.includes("--rewrite");
const parts = words.filter((word) => !word.startsWith("--"));
const usage = `usage: npm test [-- [PART…] [--rewrite]]

  PART       only test files with this in their paths
  --rewrite  write what the scenario scripts and generated pages now produce
  --help     show this`;
if (words.includes("--help")) {
  console.log(usage);
  process.exit(0);
}
const unknown = words.find((word) => word.startsWith("-") && word !== "--rewrite");
if (unknown !== undefined) {
  console.error(`there is no option ${unknown}\n\n${usage}`);
  process.exit(2);
}

const files = treeFiles()
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)));
if (files.length === 0) {
  console.error(`no test file matches ${parts.join(" or ")}`);
  process.exit(2);
}

const child = spawn(
  process.execPath,
  [
    "--conditions=source",
    "--import",
    "tsx",
    "--test",
    `--test-timeout=${fileTimeoutMs}`,
    `--test-reporter=${join(root, "tools", "test-reporter.mjs")}`,
    ...files,
  ],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...(rewrite ? { SAMPAN_REWRITE: "1" } : {}) },
  },
);
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
