// Does a registry answer slower the more it holds? One repository of 1,000 tags, alone in one server and
// among 10,000 repositories with 200,000 tags in another, is asked the same by turns.
//
// The crowd comes over HTTP as any push does: each repository mounts the two blobs of a first image,
// and its own manifest comes under 20 tags in one request.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createSampan } from "./contenders/sampan.ts";
import { loadProgramsMissing, type TimedRequests, wrkPaths } from "./load.ts";
import type { Running } from "./process.ts";
import { digestOf, manifestType } from "./push.ts";
import { type Client, createClient, eachAtOnce } from "./requests.ts";
import { type BenchOptions, BenchRefusal, type Row, row } from "./result.ts";
import { pushSmallImage, smallImage } from "./small-images.ts";

/** In the middle of the others by its name. */
const repository = "library/middle";
const tagsCount = 1_000;
const tagsTogether = 50;
const pageEntries = 100;
const repositoriesCount = 10_000;
const tagsOfOther = 20;
const atOnce = 16;
const secondsPerRound = 4;
/** The crowd is there when the server has done nothing for this long. */
const quietMs = 3_000;
const quietCpuSeconds = 0.1;
const quietMsMax = 120_000;
/** The other may be so many times slower. */
const slowerMax = 1.3;

export async function benchRegistrySize(options: BenchOptions): Promise<Row[]> {
  const complaint = loadProgramsMissing();
  if (complaint !== null) throw new BenchRefusal(complaint);
  const directory = mkdtempSync(join(tmpdir(), "sampan-bench-"));
  const running: Running[] = [];
  try {
    const alone = await startIn(join(directory, "alone"));
    running.push(alone);
    const among = await startIn(join(directory, "among"));
    running.push(among);
    await fillHalf(among, "library/app");
    for (const server of running) await fillMeasured(server);
    await fillHalf(among, "library/web");
    for (const server of running) await untilQuiet(server);
    const rows: Row[] = [];
    for (const work of works(directory)) rows.push(...(await compare(work, running, options)));
    rows.push(memoryRow(alone, among));
    return rows;
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

function startIn(directory: string): Promise<Running> {
  mkdirSync(directory);
  return createSampan("none").start(directory);
}

async function fillMeasured(server: Running): Promise<void> {
  const client = createClient(server.url, atOnce);
  for (let from = 0; from < tagsCount; from += tagsTogether) {
    const tags = Array.from({ length: tagsTogether }, (_, index) => tagOf(from + index));
    await pushSmallImage(client, repository, tags, smallImage(`middle ${from}`));
  }
  client.close();
}

function tagOf(index: number): string {
  return `v${String(index).padStart(4, "0")}`;
}

/** Half of the other repositories, with names that begin so. */
async function fillHalf(server: Running, prefix: string): Promise<void> {
  const client = createClient(server.url, atOnce);
  const first = { name: `${prefix}-first`, image: smallImage(prefix) };
  await pushSmallImage(client, first.name, ["v1"], first.image);
  const started = performance.now();
  const half = repositoriesCount / 2;
  await eachAtOnce(half, atOnce, async (index) => {
    await pushMounted(client, `${prefix}-${String(index).padStart(5, "0")}`, first);
    if (index % 1_000 === 0) console.error(`${prefix}: ${index} of ${half} repositories`);
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.error(`${prefix}: ${half} repositories, ${half * tagsOfOther} tags in ${seconds} s`);
  client.close();
}

async function pushMounted(
  client: Client,
  name: string,
  from: { readonly name: string; readonly image: { blobs: readonly Buffer[]; manifest: Buffer } },
): Promise<void> {
  for (const blob of from.image.blobs) {
    const mount = `mount=${digestOf(blob)}&from=${from.name}`;
    await client.send("POST", `/v2/${name}/blobs/uploads/?${mount}`);
  }
  const parsed = JSON.parse(from.image.manifest.toString()) as object;
  const body = Buffer.from(JSON.stringify({ ...parsed, annotations: { name } }));
  const tags = Array.from({ length: tagsOfOther }, (_, index) => `tag=${tagOf(index)}`).join("&");
  await client.send("PUT", `/v2/${name}/manifests/${digestOf(body)}?${tags}`, {
    headers: { "Content-Type": manifestType },
    body,
  });
}

/** What a push leaves to be done behind, the log of events and the store's own work, is over. */
async function untilQuiet(server: Running): Promise<void> {
  for (const endMs = performance.now() + quietMsMax; performance.now() < endMs; ) {
    const before = server.cpuSeconds();
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    if (server.cpuSeconds() - before < quietCpuSeconds) return;
  }
}

interface SizeWork {
  readonly name: string;
  round(server: Running): Promise<TimedRequests>;
}

function works(directory: string): SizeWork[] {
  const pages = Array.from({ length: 90 }, (_, index) => {
    return `/v2/${repository}/tags/list?n=${pageEntries}&last=${tagOf(index * 10)}`;
  });
  const manifests = Array.from({ length: 100 }, (_, index) => {
    return `/v2/${repository}/manifests/${tagOf(index * 10)}`;
  });
  const load = { seconds: secondsPerRound, directory, headers: { Accept: manifestType } };
  return [
    {
      name: `tags/list, ${pageEntries} of ${tagsCount.toLocaleString("en")} tags, 64 connections`,
      round: (server) => wrkPaths(server.url, pages, load),
    },
    {
      name: "manifest GET by tag, 64 connections",
      round: (server) => wrkPaths(server.url, manifests, load),
    },
  ];
}

/** By turns; who is first changes from round to round. */
async function compare(
  work: SizeWork,
  [alone, among]: Running[],
  options: BenchOptions,
): Promise<Row[]> {
  const seen = new Map<Running | undefined, TimedRequests[]>([
    [alone, []],
    [among, []],
  ]);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const server of round % 2 === 0 ? [alone, among] : [among, alone]) {
      if (server !== undefined) seen.get(server)?.push(await work.round(server));
    }
    console.error(`${work.name}: round ${round + 1} of ${options.rounds}`);
  }
  const figures = [
    ["req/s", "more", (each: TimedRequests) => each.perSecond],
    ["ms, p50", "less", (each: TimedRequests) => each.p50Ms],
    ["ms, p99", "less", (each: TimedRequests) => each.p99Ms],
  ] as const;
  return figures.map(([unit, better, read]) => {
    const what = { work: work.name, unit, better, bar: 1 / slowerMax, rounds: options.rounds };
    const held = { name: "alone", figures: (seen.get(alone) ?? []).map(read) };
    return row(what, (seen.get(among) ?? []).map(read), held);
  });
}

function memoryRow(alone: Running, among: Running): Row {
  const what = { work: "memory at the end", unit: "MB", better: "less", rounds: 1 } as const;
  return row(what, [among.memory().now], { name: "alone", figures: [alone.memory().now] });
}
