// `sampan version`, and the version for whoever else needs it.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { printJson } from "./output.ts";
import type { Terminal } from "./terminal.ts";

/** Of this program: all packages of the repository share it. */
export function readVersion(): string {
  const file = new URL("../package.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).version;
}

export function addVersion(program: Command, terminal: Terminal): void {
  program
    .command("version")
    .summary("print the version")
    .description("Print the version of sampan and of what it runs on.")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => {
      const version = readVersion();
      const platform = `${process.platform}/${process.arch}`;
      const node = process.versions.node;
      if (options.json === true) printJson(terminal, { version, node, platform });
      else terminal.out(`sampan ${version} (Node ${node}, ${platform})\n`);
    });
}
