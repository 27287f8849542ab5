// A series of rounds on one data directory. A round: clients push at a running server, it is killed
// at a random moment, perhaps the power goes with it, perhaps it is killed again while it starts;
// then it starts, and everything it ever acknowledged is asked for. The server goes on into the
// next round.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorMessage, type Random } from "@sampan/env";
import { createSimulatedRandom } from "@sampan/env/simulated";
import { createClient } from "./client.ts";
import { createContentSource } from "./content.ts";
import { eventFindings } from "./events.ts";
import { Ledger, pick } from "./ledger.ts";
import { type PowerLossPlace, powerLossEnvironment } from "./powerloss/library.ts";
import { preparePowerLoss, restorePowerLoss, seededChoice } from "./powerloss/restore.ts";
import { type PusherCounts, runPusher } from "./pusher.ts";
import { type Server, startServer } from "./server.ts";
import { type Verification, verify } from "./verify.ts";

export interface SeriesOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly powerLoss: boolean;
  /** Patterns of the syncs that are taken out (powerloss/model.c). */
  readonly ignored: readonly string[];
  /** Rounds so long that the collector comes to its second looks, with the shortest grace time. */
  readonly collect: boolean;
}

export interface RoundReport {
  readonly round: number;
  readonly seed: number;
  readonly killMs: number;
  readonly killedInStart: boolean;
  readonly pushed: PusherCounts;
  /** Bytes that the collector freed before the kill. */
  readonly freedBytes: number;
  /** From the last start to its readiness. */
  readonly startMs: number;
  /** Files that the power loss took back, and names. */
  readonly filesCut: number;
  readonly namesUndone: number;
  readonly checked: Verification | null;
  /** Empty when the round passed. */
  readonly failures: readonly string[];
}

const pushersCount = 6;
const sharedBlobs = 12;
const killMsMin = 50;
const killMsMax = 2000;
/** The shortest that the server takes. */
const graceMs = 10_000;
/** A server makes its second looks when it has lived for 12 s; half of the kills meet the first of them. */
const collectKillMsMin = 11_500;
const collectKillMsMax = [14_000, 22_000];
const collectPauseMsMax = 300;
/** A second kill, while the server recovers from the first. */
const startKillMsMax = 400;
const startKillOneIn = 5;
/** Idle, the sequencer has moved every event into the log after this. */
const sequencingMs = 1000;
/** Of blobs in one round; a hundred rounds then fit a small disk. */
const roundBytes = 32 * 1024 * 1024;

interface Place {
  readonly directory: string;
  readonly data: string;
  readonly shadow: string;
  readonly logFile: string;
}

export interface SeriesResult {
  readonly passed: number;
  /** Null, or where the data directory and the log of a failed round were left. */
  readonly left: string | null;
}

/** Stops at the first round that fails: those after it would meet its damage. */
export async function runSeries(
  options: SeriesOptions,
  report: (round: RoundReport) => void,
): Promise<SeriesResult> {
  const place = createPlace();
  const series = new Series(options, place);
  for (let round = 1; round <= options.rounds; round += 1) {
    const done = await series.round(round);
    report(done);
    if (done.failures.length === 0) continue;
    await series.abandon();
    return { passed: round - 1, left: place.directory };
  }
  await series.abandon();
  rmSync(place.directory, { recursive: true });
  return { passed: options.rounds, left: null };
}

function createPlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), "sampan-crash-"));
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  return { directory, data, shadow: join(directory, "disk"), logFile: join(directory, "log") };
}

class Series {
  readonly #options: SeriesOptions;
  readonly #place: Place;
  readonly #ledger: Ledger;
  readonly #password = "crash-test-password";
  #server: Server | null = null;

  constructor(options: SeriesOptions, place: Place) {
    this.#options = options;
    this.#place = place;
    this.#ledger = new Ledger(options.collect ? graceMs : undefined);
    if (options.powerLoss) preparePowerLoss(this.#disk);
  }

  get #disk(): PowerLossPlace {
    return { root: this.#place.data, shadow: this.#place.shadow };
  }

  async round(round: number): Promise<RoundReport> {
    const { seed: base } = this.#options;
    const seed = base + round - 1;
    const random = createSimulatedRandom(seed, "round");
    const killMs = this.#killMs(random);
    const killedInStart = random.int(startKillOneIn) === 0;
    const pushed = { requests: 0, acknowledged: 0, busy: 0 };
    const lost = { filesCut: 0, namesUndone: 0 };
    const failures: string[] = [];
    let checked: Verification | null = null;
    let startMs = 0;
    const freedBefore = this.#freedBytes();
    this.#ledger.round = round;
    try {
      this.#server ??= (await this.#start()).server;
      await this.#pushUntilKilled(this.#server, { seed, killMs, pushed });
      this.#server = null;
      this.#losePower(random, lost);
      if (killedInStart) {
        await this.#startAndKill(random.int(startKillMsMax));
        this.#losePower(random, lost);
      }
      const started = await this.#start();
      this.#server = started.server;
      startMs = started.startMs;
      checked = await this.#verify(this.#server, { seed, everything: this.#isLast(round) });
      failures.push(...checked.findings);
      if (this.#isLast(round) && failures.length === 0) failures.push(...(await this.#stop()));
      if (this.#isLast(round) && this.#options.collect && this.#freedBytes() === 0) {
        failures.push("the collector freed nothing in all the rounds");
      }
    } catch (error) {
      failures.push(errorMessage(error));
    }
    const freedBytes = this.#freedBytes() - freedBefore;
    return {
      round,
      seed,
      killMs,
      killedInStart,
      pushed,
      freedBytes,
      startMs,
      ...lost,
      checked,
      failures,
    };
  }

  #killMs(random: Random): number {
    const { collect } = this.#options;
    const killMsMost = collect ? (pick(random, collectKillMsMax) ?? 0) : killMsMax;
    const killMsLeast = collect ? collectKillMsMin : killMsMin;
    return killMsLeast + random.int(killMsMost - killMsLeast);
  }

  /** Of all rounds, as the server has logged it. */
  #freedBytes(): number {
    const { logFile } = this.#place;
    if (!existsSync(logFile)) return 0;
    const lines = readFileSync(logFile, "utf8").matchAll(
      /"bytes":(\d+).*freed what nothing refers to/g,
    );
    return [...lines].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }

  async abandon(): Promise<void> {
    await this.#server?.kill();
    this.#server = null;
  }

  #isLast(round: number): boolean {
    return round === this.#options.rounds;
  }

  async #start(): Promise<{ server: Server; startMs: number }> {
    const before = performance.now();
    const server = await this.#spawn();
    this.#server = server;
    await server.ready();
    return { server, startMs: performance.now() - before };
  }

  async #spawn(): Promise<Server> {
    const { powerLoss, ignored, collect } = this.#options;
    return await startServer({
      data: this.#place.data,
      password: this.#password,
      logFile: this.#place.logFile,
      environment: {
        ...(powerLoss ? powerLossEnvironment(this.#disk, ignored) : {}),
        ...(collect ? { SAMPAN_GC_GRACE: `${graceMs / 1000}s` } : {}),
      },
    });
  }

  async #startAndKill(afterMs: number): Promise<void> {
    const server = await this.#spawn();
    await sleep(afterMs);
    await server.kill();
  }

  async #pushUntilKilled(
    server: Server,
    how: { readonly seed: number; readonly killMs: number; readonly pushed: PusherCounts },
  ): Promise<void> {
    const client = createClient(server.origin, this.#password);
    // The first password costs a hash; the kill is to come in the midst of the pushes.
    await client.send({ method: "GET", path: "/v2/" });
    let isKilled = false;
    const sharedSource = createContentSource(createSimulatedRandom(how.seed, "shared"), 0);
    const shared = Array.from({ length: sharedBlobs }, () => sharedSource.blob());
    const pushers = Array.from({ length: pushersCount }, (_, index) => {
      const random = createSimulatedRandom(how.seed, `pusher ${index}`);
      return runPusher({
        client,
        ledger: this.#ledger,
        content: createContentSource(random, roundBytes / pushersCount),
        random,
        shared,
        name: `p${index}`,
        isKilled: () => isKilled,
        counts: how.pushed,
        pauseMsMax: this.#options.collect ? collectPauseMsMax : 0,
      });
    });
    const pushing = Promise.all(pushers);
    // A pusher ends before the kill only when it was answered wrongly.
    await Promise.race([sleep(how.killMs), pushing]);
    isKilled = true;
    await server.kill();
    await pushing;
    client.close();
  }

  #losePower(random: Random, lost: { filesCut: number; namesUndone: number }): void {
    if (!this.#options.powerLoss) return;
    const done = restorePowerLoss(this.#disk, seededChoice(random));
    lost.filesCut += done.filesChanged;
    lost.namesUndone += done.changesUndone;
  }

  async #verify(
    server: Server,
    how: { readonly seed: number; readonly everything: boolean },
  ): Promise<Verification> {
    const client = createClient(server.origin, this.#password);
    try {
      return await verify({
        client,
        ledger: this.#ledger,
        random: createSimulatedRandom(how.seed, "verify"),
        powerLoss: this.#options.powerLoss,
        everything: how.everything,
      });
    } finally {
      client.close();
    }
  }

  /** The end of the series: a graceful stop, then the event log, which only a stopped store shows. */
  async #stop(): Promise<string[]> {
    await sleep(sequencingMs);
    const code = await this.#server?.stop();
    this.#server = null;
    if (code !== 0) return [`the server stopped with exit code ${code}`];
    return await eventFindings(join(this.#place.data, "kv"), this.#ledger.deeds);
  }
}
