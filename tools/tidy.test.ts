// The tree against the house rules of tidy.ts.

import assert from "node:assert/strict";
import { basename } from "node:path";
import test from "node:test";
import { fileLinesMax, fileNamesForbidden, findings } from "./tidy.ts";
import { readTree, treeFiles } from "./tree.ts";

const files = treeFiles();
const sources = files.filter((path) => /\.(ts|mjs|cc|c|h)$/.test(path));

test("no source line breaks a rule of the house", () => {
  const broken = sources.flatMap((file) =>
    findings(file, readTree(file)).map((found) => `${file}:${found.line}: ${found.text}`),
  );
  assert.deepEqual(broken, []);
});

test("the rules see what they ban", () => {
  const file = "packages/kv/src/core/sample.ts";
  const banned = ["Date.now()", "setTimeout(f, 1)", "await x", "Math.random()", "process.exit(1)"];
  for (const code of banned) assert.notEqual(findings(file, code).length, 0, code);
  assert.deepEqual(findings(file, "// Date.now() in a comment"), []);
  assert.deepEqual(findings(file, "f(Date.now()); // tidy: shows the exception"), []);
});

test("files are short, and start by saying what they are for", () => {
  const broken: string[] = [];
  for (const file of sources) {
    const lines = readTree(file).split("\n");
    if (lines.length - 1 > fileLinesMax) broken.push(`${file}: ${lines.length - 1} lines`);
    // A test's subject stands beside it, a native file's face is its header: those say it.
    if (file.endsWith(".test.ts") || file.endsWith(".cc")) continue;
    const first = lines[0]?.startsWith("#!") ? lines[1] : lines[0];
    if (!/^(\/\/|\/\*)/.test(first ?? "")) broken.push(`${file}: no opening comment`);
  }
  assert.deepEqual(broken, []);
});

test("file names are nouns, in kebab case", () => {
  const broken = sources.filter((file) => {
    const name = basename(file).split(".")[0] ?? "";
    return fileNamesForbidden.includes(name) || !/^[a-z0-9]+([-_][a-z0-9]+)*$/.test(name);
  });
  assert.deepEqual(broken, []);
});

test("no tracked file names a machine's paths or a package registry's host", () => {
  const host = ["registry", "npmjs", "org"].join(".");
  const broken = files.filter((file) => {
    if (/\.(png|jpg|svg|node)$/.test(file)) return false;
    return readTree(file).includes(host);
  });
  assert.deepEqual(broken, []);
});

test("the changelog has an entry for the version being built", () => {
  const { version } = JSON.parse(readTree("package.json"));
  assert.match(readTree("CHANGELOG.md"), new RegExp(`^## (Unreleased|${version})`, "m"));
});
