// `npm run sim`: plays seeds of a simulation until enough of them are played, and prints for each
// that fails the line that repeats it. Exit code 1: one failed; 2: the command line is wrong.

import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { type CommandLine, parseCommandLine, seedMax, usage } from "./command-line.ts";
import { renderSeed, renderSummary, repeatLine, SummaryBuilder } from "./report.ts";
import { runSeed, type SeedResult } from "./run-seed.ts";
import type { Play, Simulation } from "./simulation.ts";
import { findSimulation } from "./simulations/index.ts";

async function main(words: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(words);
  if (parsed.type === "help") {
    console.log(usage());
    return 0;
  }
  const name = parsed.type === "run" ? parsed.command.name : "";
  const simulation = findSimulation(name);
  if (parsed.type === "wrong" || simulation === null) {
    const why = parsed.type === "wrong" ? parsed.why : `there is no simulation ${name}`;
    console.error(`${why}\n\n${usage()}`);
    return 2;
  }
  return run(simulation, parsed.command);
}

async function run(simulation: Simulation, command: CommandLine): Promise<number> {
  const { name, count, minutes, json } = command;
  const firstSeed = command.seed ?? randomInt(seedMax);
  const commit = currentCommit();
  const summary = new SummaryBuilder({
    simulation: name,
    commit,
    node: process.version,
    firstSeed,
  });
  const play = await simulation.prepare();
  const startedMs = performance.now();
  const endMs = minutes === null ? Number.POSITIVE_INFINITY : startedMs + minutes * 60_000;
  let hasFailed = false;
  for (let played = 0; count === null || played < count; played += 1) {
    if (performance.now() >= endMs) break;
    const seed = (firstSeed + played) % (seedMax + 1);
    const result = await guarded({ name, play, seed, commit });
    summary.add(result);
    hasFailed ||= result.problems.length > 0;
    console.log(renderSeed(result, commit));
  }
  const finished = summary.finish((performance.now() - startedMs) / 1000);
  console.log(renderSummary(finished));
  if (json !== null) writeFileSync(json, `${JSON.stringify(finished, null, 2)}\n`);
  return hasFailed ? 1 : 0;
}

/** An exception that nobody caught ends the process, but not before it is said how to repeat it. */
async function guarded(at: {
  readonly name: string;
  readonly play: Play;
  readonly seed: number;
  readonly commit: string;
}): Promise<SeedResult> {
  const { name, seed, commit } = at;
  const onUncaught = (): void => {
    const line = repeatLine({ simulation: name, seed }, commit);
    console.error(`${name} seed ${seed}  FAILED\n  repeat it with: ${line}`);
  };
  process.on("uncaughtExceptionMonitor", onUncaught);
  try {
    return await runSeed(at, seed);
  } finally {
    process.off("uncaughtExceptionMonitor", onUncaught);
  }
}

/** With a mark when files differ from it: then the commit alone does not repeat the run. */
function currentCommit(): string {
  const git = (...words: string[]): string =>
    execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? " with changes" : ""}`;
  } catch {
    return "unknown";
  }
}

process.exitCode = await main(process.argv.slice(2));
