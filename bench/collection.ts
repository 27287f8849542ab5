// The collector at work: how fast it takes what nothing refers to, and whether pushes feel it.
//
// Each round pushes 10,000 images, each with blobs of its own, deletes them through the API, and starts
// the server again so that all of them are due at one moment. Pushes go on all the while at a fixed
// rate; those before the moment and after the end are undisturbed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createSampan } from "./contenders/sampan.ts";
import { freePort, type Running } from "./process.ts";
import { digestOf } from "./push.ts";
import { type Client, createClient, eachAtOnce } from "./requests.ts";
import { type BenchOptions, type Row, row } from "./result.ts";
import { pushSmallImage, smallImage } from "./small-images.ts";
import { percentileOf, startSteadyLoad, type Timed } from "./steady-load.ts";

const imagesCount = 10_000;
const repositoriesCount = 100;
/** A manifest's content, and of each of its two blobs the record and the repository's link. */
const recordsPerImage = 5;
const pushesPerSecond = 50;
const atOnce = 16;
/** Longer than it takes to delete all. */
const graceWhileDeleting = "15m";
const grace = "10s";
/** Pushes of a fresh process, which are slower, and are not counted. */
const warmUpMs = 3_000;
/** Undisturbed pushes after the collection. */
const afterMs = 12_000;
const watchEveryMs = 250;
/** The answer counts what waits: to ask often would hold up what is measured. */
const askEveryMs = 1_000;
const collectionMsMax = 300_000;

interface Round {
  readonly deletesPerSecond: number;
  /** From the last deletion until everything was looked at for the first time. */
  readonly firstLookLagMs: number;
  /** The second look: from the first record that went to the last. */
  readonly collectionMs: number;
  readonly undisturbed: readonly number[];
  readonly during: readonly number[];
}

export async function benchCollection(options: BenchOptions): Promise<Row[]> {
  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const directory = mkdtempSync(join(tmpdir(), "sampan-bench-"));
    try {
      rounds.push(await measure(directory, round));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
    console.error(`collection: round ${round + 1} of ${options.rounds}`);
  }
  return rowsOf(rounds);
}

function rowsOf(rounds: readonly Round[]): Row[] {
  const count = rounds.length;
  const collection = {
    work: `collection of ${imagesCount.toLocaleString("en")} images`,
    better: "more",
    bar: 1,
    rounds: count,
  } as const;
  const perSecond = rounds.map(({ collectionMs }) => (imagesCount * 1000) / collectionMs);
  const withLag = rounds.map(
    ({ collectionMs, firstLookLagMs }) => (imagesCount * 1000) / (collectionMs + firstLookLagMs),
  );
  const asked = { name: "bar", figures: [1_000] };
  const during = rounds.flatMap((round) => round.during);
  const undisturbed = rounds.flatMap((round) => round.undisturbed);
  const work = `push, ${pushesPerSecond} a second, while it collects`;
  console.error(`pushes: ${undisturbed.length} undisturbed, ${during.length} while it collects`);
  const pushes = (["p50", "p99"] as const).map((name) => {
    const percent = name === "p50" ? 50 : 99;
    const what = {
      work,
      unit: `ms, ${name}`,
      better: "less",
      bar: 1 / 1.2,
      rounds: count,
    } as const;
    const figures = [percentileOf(undisturbed, percent)];
    return row(what, [percentileOf(during, percent)], { name: "undisturbed", figures });
  });
  const deletions = {
    work: `DELETE of their manifests, ${atOnce} at once`,
    unit: "/s",
    better: "more",
    rounds: count,
  } as const;
  const deleted = rounds.map((round) => round.deletesPerSecond);
  return [
    row(deletions, deleted, null),
    row({ ...collection, unit: "manifests/s, second look" }, perSecond, asked),
    row({ ...collection, unit: "manifests/s, with the rest of the first" }, withLag, asked),
    ...pushes,
  ];
}

async function measure(directory: string, round: number): Promise<Round> {
  const filling = await startServer(directory, graceWhileDeleting);
  let deletes: Pick<Round, "deletesPerSecond" | "firstLookLagMs">;
  try {
    await fill(filling.server, round);
    deletes = await deleteAll(filling.server, round);
  } finally {
    await filling.server.stop();
  }
  const { server, metrics } = await startServer(directory, grace);
  try {
    return { ...deletes, ...(await collect(server, metrics, round)) };
  } finally {
    await server.stop();
  }
}

async function startServer(directory: string, gcGrace: string) {
  const admin = `127.0.0.1:${await freePort()}`;
  const env = { SAMPAN_GC_GRACE: gcGrace, SAMPAN_ADMIN_LISTEN: admin };
  const server = await createSampan("none", env).start(directory);
  return { server, metrics: `http://${admin}` };
}

function repositoryOf(index: number): string {
  return `library/bench-${String(index % repositoriesCount).padStart(3, "0")}`;
}

async function fill(server: Running, round: number): Promise<void> {
  const client = createClient(server.url, atOnce);
  await eachAtOnce(imagesCount, atOnce, async (index) => {
    const image = smallImage(`${round} ${index}`);
    await pushSmallImage(client, repositoryOf(index), [`v${index}`], image);
    if (index % 2_000 === 0) console.error(`collection: ${index} of ${imagesCount} pushed`);
  });
  client.close();
}

async function deleteAll(server: Running, round: number) {
  const client = createClient(server.url, atOnce);
  const started = performance.now();
  await eachAtOnce(imagesCount, atOnce, async (index) => {
    const digest = digestOf(smallImage(`${round} ${index}`).manifest);
    await client.send("DELETE", `/v2/${repositoryOf(index)}/manifests/${digest}`);
  });
  const ended = performance.now();
  while (!(await isLookedAt(client))) await pause(askEveryMs);
  client.close();
  return {
    deletesPerSecond: (imagesCount * 1000) / (ended - started),
    firstLookLagMs: performance.now() - ended,
  };
}

async function isLookedAt(client: Client): Promise<boolean> {
  const { body } = await client.send("GET", "/api/v2.0/system/gc/status");
  const { to_look_at } = JSON.parse(body.toString()) as {
    to_look_at: { manifests: number; links: number };
  };
  return to_look_at.manifests + to_look_at.links === 0;
}

async function collect(server: Running, metrics: string, round: number) {
  const client = createClient(server.url, atOnce);
  const watcher = createClient(metrics, 1);
  const startedMs = performance.now();
  const load = startSteadyLoad(pushesPerSecond, (index) => {
    const image = smallImage(`push ${round} ${index}`);
    return pushSmallImage(client, `library/pushed-${index % 10}`, [`v${index}`], image);
  });
  const { firstMs, lastMs } = await watch(watcher);
  await pause(afterMs);
  await load.stop();
  client.close();
  watcher.close();
  return { collectionMs: lastMs - firstMs, ...split(load.timed, { startedMs, firstMs, lastMs }) };
}

/** When the first record went, and when the last. */
async function watch(watcher: Client): Promise<{ firstMs: number; lastMs: number }> {
  const giveUpMs = performance.now() + collectionMsMax;
  let firstMs: number | null = null;
  let quietMs = performance.now();
  while (performance.now() < giveUpMs) {
    const { body } = await watcher.send("GET", "/metrics");
    const deleted = Number(/^sampan_collector_deleted_total (\d+)/m.exec(body.toString())?.[1]);
    const nowMs = performance.now();
    if (deleted === 0) quietMs = nowMs;
    else firstMs ??= quietMs;
    if (firstMs !== null && deleted >= imagesCount * recordsPerImage) {
      return { firstMs, lastMs: nowMs };
    }
    await pause(watchEveryMs);
  }
  throw new Error("the collector did not come to its end in time");
}

function split(
  timed: readonly Timed[],
  at: { readonly startedMs: number; readonly firstMs: number; readonly lastMs: number },
): { undisturbed: number[]; during: number[] } {
  const undisturbed: number[] = [];
  const during: number[] = [];
  for (const { atMs, ms } of timed) {
    if (atMs < at.startedMs + warmUpMs) continue;
    if (atMs < at.firstMs || atMs > at.lastMs) undisturbed.push(ms);
    else during.push(ms);
  }
  return { undisturbed, during };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
