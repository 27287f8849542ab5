// `npm run check`: format, lint, types, tidy, boundaries. Types were checked by the build that came
// before; tidy and boundaries are tests. `--fix` writes what can be written.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./tree.ts";

const usage = `usage: npm run check [-- --fix]

  --fix   write what can be written: format, and what lint knows to mend
  --help  show this`;

const words = process.argv.slice(2);
if (words.includes("--help")) {
  console.log(usage);
  process.exit(0);
}
const unknown = words.find((word) => word !== "--fix");
if (unknown !== undefined) {
  console.error(`check takes no ${unknown}\n\n${usage}`);
  process.exit(2);
}
const fix = words.includes("--fix");
const steps = [
  [
    "format and lint",
    [join(root, "node_modules/.bin/biome"), "check", ...(fix ? ["--write"] : [])],
  ],
  ["tidy and boundaries", [join(root, "tools/test.ts"), "tools/tidy", "tools/boundaries"]],
] as const;

for (const [name, args] of steps) {
  console.log(`${name}:`);
  const loader = args[0].endsWith(".ts") ? ["--conditions=source", "--import", "tsx"] : [];
  const done = spawnSync(process.execPath, [...loader, ...args], { cwd: root, stdio: "inherit" });
  if (done.status !== 0) {
    console.error(`${name}: not clean${fix ? "" : "; 'npm run check -- --fix' mends what it can"}`);
    process.exit(1);
  }
}
