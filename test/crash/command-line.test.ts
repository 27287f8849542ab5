// The command line of `npm run crash`: what each line means, and what is said of a wrong one.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine, usage } from "./command-line.ts";

function check(line: string, expected: string | Record<string, unknown>): void {
  test(`crash ${line}`, () => {
    const parsed = parseCommandLine(line.split(" ").filter((word) => word !== ""));
    if (typeof expected === "string") {
      equal(parsed.type === "wrong" ? parsed.why : parsed.type, expected);
      return;
    }
    ok(parsed.type === "run");
    const usual = {
      rounds: 20,
      seed: 1,
      powerLoss: false,
      ignored: [],
      collect: false,
      json: null,
    };
    deepEqual({ ...parsed.command.series, json: parsed.command.json }, { ...usual, ...expected });
    // What it prints to repeat a series must mean the same series.
    const again = parseCommandLine(parsed.command.line.split(" ").slice(4));
    deepEqual(again.type === "run" && again.command.series, parsed.command.series);
  });
}

check("registry", {});
check("registry --rounds 3 --seed 0", { rounds: 3, seed: 0 });
check("--seed=7 registry --rounds=1", { rounds: 1, seed: 7 });
check("registry --power-loss", { powerLoss: true });
check("registry --power-loss --collect", { powerLoss: true, collect: true });
check("registry --without-fsync log", { powerLoss: true, ignored: ["*.log"] });
check("registry --json out.json", { json: "out.json" });
check("--help", "help");
check("registry --rounds x -h", "help");
check("", "what to crash is missing: registry");
check("kv", "there is nothing to crash called kv: registry is");
check("registry kv", "one thing at a time, not kv too");
check("registry --round 3", "there is no option --round");
check("registry -n 3", "there is no option -n");
check("registry --power-loss=yes", "there is no option --power-loss=yes");
check("registry --rounds", "--rounds needs a value");
check("registry --rounds=", "--rounds needs a value");
check("registry --seed 1 --seed 2", "--seed is given twice");
check("registry --rounds 0", "--rounds 0: give a whole number, 1 to 1000000");
check("registry --rounds 1e3", "--rounds 1e3: give a whole number, 1 to 1000000");
check("registry --seed -1", "--seed -1: give a whole number, 0 to 2147483647");
check(
  "registry --without-fsync toString",
  "--without-fsync toString: give one of blob, directory, log, blob-directory, store-directory",
);

test("the usage names every option with its default, and fits a line", () => {
  for (const option of ["rounds", "seed", "power-loss", "without-fsync", "json", "help"]) {
    match(usage, new RegExp(`^ {2}--${option} `, "m"));
  }
  for (const line of usage.split("\n")) ok(line.length <= 100, line);
});
