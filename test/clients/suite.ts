// Runs clients over ways, one check after the other, and counts.

import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Check, Client, Need } from "./client.ts";
import { interruptions } from "./command.ts";
import { createImageSet } from "./images.ts";
import { missingNeeds } from "./install.ts";
import { isOwnMachine } from "./own-machine.ts";
import type { RegistryUnderTest } from "./registry-under-test.ts";
import type { Way } from "./ways.ts";

export interface Score {
  passed: number;
  failed: number;
  skipped: number;
}

export interface SuiteOptions {
  readonly clients: readonly Client[];
  readonly ways: readonly Way[];
  /** What cannot run is a failure, and not skipped. */
  readonly require: boolean;
}

interface Suite {
  readonly options: SuiteOptions;
  readonly score: Score;
  /** Aborted when somebody ends us. */
  readonly signal: AbortSignal;
  /** Everything that lies on the disk lies in here. */
  readonly folder: string;
}

export async function runSuite(options: SuiteOptions): Promise<Score> {
  const score: Score = { passed: 0, failed: 0, skipped: 0 };
  // podman names images after their folder, and such a name is in lower case.
  const folder = join(tmpdir(), `sampan-clients-${process.pid}`);
  await mkdir(folder);
  const interrupted = new AbortController();
  const { signal } = interrupted;
  for (const name of interruptions) process.on(name, () => interrupted.abort());
  try {
    const suite: Suite = { options, score, signal, folder };
    for (const way of options.ways) {
      if (signal.aborted) break;
      const why = whyNotWay(way);
      if (why === null) await runWay(way, suite);
      else skip(`${way.words}everything`, why, suite);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (signal.aborted) {
    console.log("interrupted: the rest was not tried");
    score.failed += 1;
  }
  return score;
}

async function runWay(way: Way, suite: Suite): Promise<void> {
  const { options, score, signal } = suite;
  const failedBefore = score.failed;
  const folder = join(suite.folder, way.name);
  await mkdir(folder);
  const registry = await way.start(folder);
  try {
    for (const [index, client] of options.clients.entries()) {
      if (signal.aborted) break;
      if (way.clients !== null && !way.clients.includes(client.name)) continue;
      const why = whyNot(client);
      if (why === null) await runClient(client, { registry, seed: index + 1, folder, way, suite });
      else skip(`${way.words}${client.name}`, why, suite);
    }
    if (score.failed > failedBefore && !signal.aborted) {
      console.log(`the end of the registry's log:\n${registry.lastWords()}`);
    }
  } finally {
    await registry.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function whyNotWay(way: Way): string | null {
  if (way.onOwnMachine && !isOwnMachine()) return "needs root, unshare and ip";
  return notInstalled(way.needs);
}

function whyNot(client: Client): string | null {
  if (client.needsRoot && process.getuid?.() !== 0) return "needs root";
  return notInstalled(client.needs);
}

function notInstalled(needs: readonly Need[]): string | null {
  const missing = missingNeeds(needs).map((need) => need.command);
  return missing.length === 0 ? null : `${missing.join(", ")} not installed (--install brings it)`;
}

function skip(what: string, why: string, { options, score }: Suite): void {
  console.log(`${options.require ? "FAIL" : "skip"} ${what}: ${why}`);
  if (options.require) score.failed += 1;
  else score.skipped += 1;
}

interface Run {
  readonly registry: RegistryUnderTest;
  readonly seed: number;
  readonly folder: string;
  readonly way: Way;
  readonly suite: Suite;
}

async function runClient(client: Client, given: Run): Promise<void> {
  const { registry, way } = given;
  const { score, signal } = given.suite;
  const folder = join(given.folder, client.name);
  await mkdir(folder);
  const ends = createEnds();
  ends.add(() => rm(folder, { recursive: true, force: true }));
  const images = createImageSet(given.seed, way.largeMB);
  const bench: Bench = { registry, images, folder, atEnd: ends.add };
  const subject = `${way.words}${client.name}`;
  let checks: readonly Check[] = [];
  const prepared = await timed(`${subject} is prepared`, async () => {
    checks = await client.prepare(bench);
  });
  if (!prepared) score.failed += 1;
  for (const check of checks) {
    if (signal.aborted) break;
    if (await timed(`${subject} ${check.name}`, check.run)) score.passed += 1;
    else score.failed += 1;
  }
  await ends.run();
}

/** What has to be undone, newest first. */
interface Ends {
  add(end: () => Promise<void>): void;
  run(): Promise<void>;
}

function createEnds(): Ends {
  const ends: (() => Promise<void>)[] = [];
  const runAll = async () => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      await end().catch((error: unknown) => console.log(`     ${words(error)}`));
    }
  };
  return { add: (end) => void ends.push(end), run: runAll };
}

async function timed(name: string, run: () => Promise<void>): Promise<boolean> {
  const start = performance.now();
  const failure = await run().then(
    () => null,
    (error: unknown) => words(error),
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${failure === null ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (failure !== null) console.log(failure.replace(/^/gm, "     "));
  return failure === null;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
