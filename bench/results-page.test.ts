import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { renderPlot } from "./plot.ts";
import { readRun } from "./result.ts";
import {
  isPlotted,
  pageEnd,
  pageStart,
  renderPart,
  type StoredRun,
  withPart,
} from "./results-page.ts";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "results");

test("the results' page and plots are what their JSON says", async () => {
  const names = (await readdir(folder)).filter((name) => /^(bench|profile)-.*\.json$/.test(name));
  const runs: StoredRun[] = [];
  for (const name of names.sort()) {
    const run = readRun(await readFile(join(folder, name), "utf8"));
    runs.push({ ...run, name: name.slice(0, -".json".length) });
  }
  const page = join(folder, "README.md");
  const made = new Map<string, string>([
    [page, withPart(await readFile(page, "utf8"), renderPart(runs))],
  ]);
  for (const run of runs.filter(isPlotted)) {
    made.set(join(folder, `${run.name}.svg`), renderPlot(run));
  }
  for (const [path, text] of made) {
    if (process.env["SAMPAN_REWRITE"] === "1") await writeFile(path, text);
    const stored = await readFile(path, "utf8").catch(() => "");
    assert.equal(stored, text, `${path} is stale: npm test -- --rewrite results-page`);
  }
});

test("a page keeps what stands around the made part", () => {
  const page = `before\n${pageStart}\nold\n${pageEnd}\nafter\n`;
  assert.equal(withPart(page, `${pageStart}\nnew\n${pageEnd}`), page.replace("old", "new"));
  assert.throws(() => withPart("nothing marked", "new"), /marks/);
});
