// Starts a scenario of child.ts.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it printed, line by line. */
  readonly findings: unknown[];
  readonly errors: string;
}

interface ScenarioOptions {
  readonly environment?: Record<string, string>;
  readonly execArgv?: readonly string[];
  /** Kills it once it has printed so many lines. */
  readonly killAfterLines?: number;
}

export function runScenario(
  name: string,
  directory: string,
  options: ScenarioOptions = {},
): Promise<Ended> {
  const { environment = {}, execArgv = [], killAfterLines = Number.POSITIVE_INFINITY } = options;
  const script = fileURLToPath(new URL("./child.ts", import.meta.url));
  const loader = ["--conditions=source", "--import", import.meta.resolve("tsx")];
  const child = spawn(process.execPath, [...loader, ...execArgv, script, name, directory], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const output = { out: "", errors: "" };
  child.stderr.on("data", (chunk) => {
    output.errors += chunk;
  });
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
    if (output.out.split("\n").length > killAfterLines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const lines = output.out.split("\n").slice(0, -1);
      resolve({ code, signal, findings: lines.map((line) => JSON.parse(line)), ...output });
    });
  });
}
