// `npm run crash -- registry`: kill -9 rounds and power-loss rounds against the real server. Exit
// code 1 on any loss, with the line that repeats the series.

import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type CommandLine, parseCommandLine, usage } from "./command-line.ts";
import { isPowerLossSupported } from "./powerloss/library.ts";
import { type RoundReport, runSeries } from "./series.ts";

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(args);
  if (parsed.type === "help") {
    process.stdout.write(usage);
    return 0;
  }
  if (parsed.type === "wrong") return refuse(`${parsed.why}\n\n${usage.trimEnd()}`);
  const { command } = parsed;
  const { json, series } = command;
  if (series.powerLoss && !isPowerLossSupported()) {
    return refuse("power-loss rounds need Linux and a C compiler (CC, or cc)");
  }
  // Before the rounds: they take minutes, and their figures would be lost.
  if (json !== null && !existsSync(dirname(json))) {
    return refuse(`--json ${json}: there is no directory ${dirname(json)}`);
  }
  const reports: RoundReport[] = [];
  const { passed, left } = await runSeries(series, (round) => {
    reports.push(round);
    process.stdout.write(`${describe(round)}\n`);
  });
  const failed = left === null ? 0 : 1;
  if (left !== null) process.stdout.write(`left behind: ${left}\nreplay: ${command.line}\n`);
  if (json !== null) writeJson(json, { command, reports, passed });
  const skipped = series.rounds - passed - failed;
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed;
}

function refuse(why: string): number {
  process.stderr.write(`crash: ${why}\n`);
  return 2;
}

function describe(report: RoundReport): string {
  const { pushed, checked, failures } = report;
  const words = [
    failures.length === 0 ? "ok  " : "FAIL",
    `round ${report.round}`,
    `seed ${report.seed}`,
    `killed at ${report.killMs} ms${report.killedInStart ? " and in the start" : ""}`,
    `${pushed.acknowledged} effects of ${pushed.requests} requests acknowledged`,
  ];
  if (pushed.busy > 0) words.push(`${pushed.busy} answered busy`);
  if (report.filesCut + report.namesUndone > 0) {
    words.push(`power took ${report.filesCut} files, ${report.namesUndone} names`);
  }
  if (report.freedBytes > 0) words.push(`${report.freedBytes} bytes freed`);
  words.push(`up in ${report.startMs.toFixed(0)} ms`);
  if (checked !== null) {
    words.push(
      `${checked.blobs} blobs, ${checked.manifests} manifests, ${checked.tags} tags asked`,
    );
    words.push(`uploads ${checked.uploadsResumed} resumed, ${checked.uploadsLost} lost`);
  }
  return [words.join(" · "), ...failures.map((failure) => `     ${failure}`)].join("\n");
}

function writeJson(
  file: string,
  result: { command: CommandLine; reports: readonly RoundReport[]; passed: number },
): void {
  const git = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" });
  const document = {
    name: "crash registry",
    command: result.command.line,
    commit: git.status === 0 ? git.stdout.trim() : null,
    node: process.versions.node,
    rounds: result.command.series.rounds,
    passed: result.passed,
    reports: result.reports,
  };
  writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
}
