// The command line of `npm run sim`, and the file of kept seeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "./command-line.ts";
import { parseSeeds } from "./seeds.ts";

function check(line: string, expected: string | Record<string, unknown>): void {
  test(`sim ${line}`, () => {
    const parsed = parseCommandLine(line.split(" ").filter((word) => word !== ""));
    if (typeof expected === "string") {
      assert.equal(parsed.type === "wrong" ? parsed.why : parsed.type, expected);
    } else {
      const none = { name: "kv", seed: null, count: null, minutes: null, json: null };
      assert.deepEqual(parsed, { type: "run", command: { ...none, ...expected } });
    }
  });
}

check("kv", { count: 20 });
check("kv --seed 7", { seed: 7, count: 1 });
check("kv --seed 0", { seed: 0, count: 1 });
check("--seed 7 kv", { seed: 7, count: 1 });
check("kv --seed 7 --count 500", { seed: 7, count: 500 });
check("kv --minutes 3", { minutes: 3 });
check("kv --minutes 3 --count 10", { minutes: 3, count: 10 });
check("kv --json out.json", { count: 20, json: "out.json" });
check("--help", "help");
check("kv --help", "help");
check("", "a simulation's name is missing");
check("kv registry", "one simulation at a time, not registry too");
check("kv --sed 7", "there is no option --sed");
check("kv --seed", "--seed needs a value");
check("kv --seed x", "--seed is no number in range");
check("kv --seed -1", "--seed is no number in range");
check("kv --seed 1.5", "--seed is no number in range");
check("kv --seed 2147483648", "--seed is no number in range");
check("kv --count 0", "--count is no number in range");
check("kv --minutes 0", "--minutes is no number in range");

test("kept seeds are read, with the reasons between them", () => {
  const text = "# lost a commit\nkv 7\n\nregistry 12\n";
  assert.deepEqual(parseSeeds(text), [
    { simulation: "kv", seed: 7 },
    { simulation: "registry", seed: 12 },
  ]);
  assert.throws(() => parseSeeds("kv seven\n"), /line 1/);
});
