// `npm run crash -- registry`: kill -9 rounds and power-loss rounds against the real server. Exit
// code 1 on any loss, with the line that repeats the series.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorMessage } from "@sampan/env";
import { isPowerLossSupported } from "./powerloss/library.ts";
import { type RoundReport, runSeries, type SeriesOptions } from "./series.ts";

/** The syncs that can be taken out, to prove that the rounds would notice: patterns of paths. */
const syncs: Readonly<Record<string, readonly string[]>> = {
  blob: ["blobs/*[!/]"],
  directory: ["*/"],
  log: ["*.log"],
  // Directories by themselves.
  "blob-directory": ["blobs/*/"],
  "store-directory": ["kv/"],
};

const usage = `usage: npm run crash -- registry [--rounds N] [--power-loss] [--seed N]
                                 [--without-fsync ${Object.keys(syncs).join("|")}] [--json FILE]

  --rounds N         how often the server is killed (20)
  --power-loss       what was not synced is lost with the kill
  --seed N           of the first round; the others count up (1)
  --without-fsync X  power-loss rounds that must fail: these syncs do nothing
  --json FILE        write what was measured there
`;

interface Command {
  readonly series: SeriesOptions;
  readonly line: string;
  readonly json: string | null;
}

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(usage);
    return 0;
  }
  const command = parseCommand(args);
  if (typeof command === "string") {
    process.stderr.write(`crash: ${command}\n\n${usage}`);
    return 2;
  }
  const { series } = command;
  if (series.powerLoss && !isPowerLossSupported()) {
    process.stderr.write("crash: power-loss rounds need Linux and a C compiler (CC, or cc)\n");
    return 2;
  }
  const reports: RoundReport[] = [];
  const { passed, left } = await runSeries(series, (round) => {
    reports.push(round);
    process.stdout.write(`${describe(round)}\n`);
  });
  const failed = left === null ? 0 : 1;
  if (left !== null) process.stdout.write(`left behind: ${left}\nreplay: ${command.line}\n`);
  if (command.json !== null) writeJson(command.json, { command, reports, passed });
  const skipped = series.rounds - passed - failed;
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed;
}

function parseCommand(args: readonly string[]): Command | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return errorMessage(error);
  }
  const { values, positionals } = parsed;
  if (positionals.join(" ") !== "registry") return "say what to crash: registry";
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  if (!Number.isSafeInteger(rounds) || rounds < 1) return `--rounds ${values.rounds}`;
  if (!Number.isSafeInteger(seed) || seed < 0) return `--seed ${values.seed}`;
  const without = values["without-fsync"];
  const ignored = without === undefined ? [] : syncs[without];
  if (ignored === undefined) return `--without-fsync ${without}: no such sync`;
  const powerLoss = values["power-loss"] === true || ignored.length > 0;
  const words = ["npm run crash -- registry", `--seed ${seed}`, `--rounds ${rounds}`];
  if (powerLoss) words.push("--power-loss");
  if (without !== undefined) words.push(`--without-fsync ${without}`);
  const series = { seed, rounds, powerLoss, ignored };
  return { series, line: words.join(" "), json: values.json ?? null };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      "power-loss": { type: "boolean" },
      "without-fsync": { type: "string" },
      json: { type: "string" },
    },
  });
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
  result: { command: Command; reports: readonly RoundReport[]; passed: number },
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
