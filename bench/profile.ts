// Where our server's CPU time goes while it does what bench/registry.ts measures: `perf` samples the
// process (JavaScript's names come from `--perf-basic-prof`), and every sample is counted for a place.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSampan } from "./contenders/sampan.ts";
import { loadProgramsMissing } from "./load.ts";
import { hasProgram, type Running } from "./process.ts";
import { placeOf } from "./profile-places.ts";
import { getWork, manifestWork, prepare, putWork, type Work } from "./registry-works.ts";
import { type BenchOptions, BenchRefusal, median, type Row, row } from "./result.ts";

const samplesPerSecond = "999";

export async function benchProfile(options: BenchOptions): Promise<Row[]> {
  const perf = hasProgram("perf") ? null : "perf is missing: apt-get install linux-perf";
  const complaints = [loadProgramsMissing(), perf].filter((text) => text !== null);
  if (complaints.length > 0) throw new BenchRefusal(complaints.join("\n"));
  const directory = mkdtempSync(join(tmpdir(), "sampan-profile-"));
  const running: Running[] = [];
  const named = { NODE_OPTIONS: "--perf-basic-prof" };
  try {
    const ours = await createSampan("none", named).start(directory);
    running.push(ours);
    const authed = await createSampan("password", named).start(directory);
    running.push(authed);
    const token = await prepare(running, authed);
    const file = join(directory, "big");
    return [
      ...(await profile(ours, manifestWork("GET", directory), options)),
      ...(await profile(authed, manifestWork("GET", directory, token), options)),
      ...(await profile(ours, putWork(file), options)),
      ...(await profile(ours, getWork(file), options)),
    ];
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    for (const { pid } of running) rmSync(join(tmpdir(), `perf-${pid}.map`), { force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Shares in percent of the CPU samples, the largest first; medians over the rounds. */
async function profile(server: Running, work: Work, options: BenchOptions): Promise<Row[]> {
  await work.round(server, 0);
  const rounds: Map<string, number>[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    rounds.push(await sampled(server.pid, () => work.round(server, round)));
    console.error(`${work.name}: round ${round} of ${options.rounds}`);
  }
  const places = new Set(rounds.flatMap((shares) => [...shares.keys()]));
  return [...places]
    .map((place) => {
      const figures = rounds.map((shares) => shares.get(place) ?? 0);
      const what = { work: `${work.name}: ${place}`, unit: "% of CPU", better: "less" } as const;
      return row({ ...what, rounds: options.rounds }, [median(figures)], null);
    })
    .filter((each) => each.ours >= 0.5)
    .sort((a, b) => b.ours - a.ours);
}

async function sampled(pid: number, work: () => Promise<unknown>): Promise<Map<string, number>> {
  const directory = mkdtempSync(join(tmpdir(), "sampan-perf-"));
  const data = join(directory, "perf.data");
  try {
    const args = ["record", "-F", samplesPerSecond, "-o", data, "-p", String(pid)];
    const recorder = spawn("perf", args, { stdio: "ignore" });
    const ended = new Promise((resolve) => recorder.once("exit", resolve));
    // perf says nothing when it has attached; what it misses at the start is missed of every place.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await work();
    recorder.kill("SIGINT");
    await ended;
    return shares(data);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function shares(data: string): Map<string, number> {
  const fields = ["--fields", "comm,ip,sym,dso", "--ns"];
  const script = spawnSync("perf", ["script", "-i", data, ...fields], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (script.status !== 0) throw new BenchRefusal(`perf script failed:\n${script.stderr}`);
  const lines = script.stdout.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0)
    throw new BenchRefusal("perf took no samples: is the kernel's PMU there?");
  const counts = new Map<string, number>();
  for (const line of lines) {
    const place = placeOf(line);
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return new Map([...counts].map(([place, count]) => [place, (100 * count) / lines.length]));
}
