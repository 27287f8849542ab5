// Plays the scenario scripts of testdata/. `npm test -- --rewrite` writes what they now produce.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createMvccWorld } from "./testing/mvcc-world.ts";
import { parseScript, playScenario } from "./testing/scenario.ts";

const folder = join(import.meta.dirname, "testdata");
const isRewriting = process.env["SAMPAN_REWRITE"] === "1";

for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt"))) {
  const path = join(folder, file);
  const script = parseScript(readFileSync(path, "utf8"));
  const subject = file.replace(".txt", "");
  const texts = script.scenarios.map((scenario) => {
    const played = playScenario(scenario, createMvccWorld());
    test(`${subject}: ${scenario.name}`, () => {
      if (!isRewriting) assert.equal(played.differences.join("\n"), "");
    });
    return played.text;
  });
  if (isRewriting) writeFileSync(path, `${[...script.preamble, ...texts].join("\n")}\n`);
}
