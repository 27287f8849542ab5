// One world of virtual time and seeded chance, in which any number of processes live.
//
// How it moves: events (timers, ends of sleeps) wait in a heap. The loop takes the earliest, sets
// the clock to its time, fires it, and then lets promises settle before it takes the next: it
// awaits one real `setImmediate`, and Node runs that only when its queues of microtasks and of
// `nextTick` are both empty. So between two events every chain of promises has run as far as it can
// without time passing, and always in the same order. What leaves this thread (files, sockets,
// worker threads, asynchronous crypto) answers at moments of the machine's choosing and has no
// place in a simulated process.

import { createHash } from "node:crypto";
import type { Clock, Env, Timer } from "../env.ts";
import { assert } from "../errors.ts";
import { sleepOn } from "../sleep.ts";
import { EventHeap, type SimulatedEvent } from "./event-heap.ts";
import { createSimulatedLog, type LogLine, renderLine } from "./log.ts";
import { createSimulatedMetrics, type SimulatedMetrics } from "./metrics.ts";
import { createSimulatedRandom, type SimulatedRandom } from "./random.ts";

export interface WorldOptions {
  /** Switch on, by seed, a quarter of the sites that ask `buggify`; false when not given. */
  readonly buggify?: boolean;
}

export interface SimulatedWorld {
  readonly seed: number;
  /** The world of the process `main`, for tests that need only one. */
  readonly env: Env;
  readonly main: SimulatedProcess;
  /** A new process: the same time, but chance, wall clock, log and metrics of its own. */
  process(name: string): SimulatedProcess;
  /** Virtual milliseconds since the start of the world. */
  nowMs(): number;

  /** Lets time pass until the promise settles and gives its result. Fails when it never can. */
  drive<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass until nothing is scheduled. */
  runUntilIdle(): Promise<void>;
  /** Lets time pass up to and including that moment (milliseconds since the start). */
  runUntil(ms: number): Promise<void>;

  /** The newest lines, at most `linesMax`; older ones are dropped from here, not from the hash. */
  readonly lines: readonly LogLine[];
  /** How often each mark was hit. */
  readonly marks: ReadonlyMap<string, number>;
  /** From now on a line at level error whose text matches does not fail the run. */
  expectError(pattern: RegExp): void;
  /** Adds a fact that a workload saw to the trace. */
  trace(fact: string): void;
  /** Over every event, line, mark, fact and draw so far: equal for two runs that went the same way. */
  traceHash(): string;
}

export interface SimulatedProcess {
  readonly name: string;
  readonly env: Env;
  readonly metrics: SimulatedMetrics;
  /**
   * As by SIGKILL: none of its timers fires, none of its sleeps ends, neither old nor new. Promises
   * that hang on something else (an engine in memory) are the owner's to cut off.
   */
  kill(): void;
  /** Its wall clock, not its monotonic one, goes forward, or back when negative. */
  jumpWallClock(byMs: number): void;
}

/** A run that went wrong; the message names the seed. */
export class SimulationError extends Error {
  override readonly name = "SimulationError";
}

/** The newest lines that a world keeps for reading. */
export const linesMax = 10_000;
/** One call of a run method fires at most so many events: two timers that wake each other end here. */
const eventsPerRunMax = 50_000_000;
/** The wall clock at the start: a moment in November 2023. */
const wallStartMs = 1_700_000_000_000;
const buggifySiteChance = 0.25;
const buggifyFireChance = 0.25;

export function createSimulatedWorld(seed: number, options: WorldOptions = {}): SimulatedWorld {
  return new World(seed, options);
}

class World implements SimulatedWorld {
  readonly seed: number;
  readonly main: SimulatedProcess;
  readonly lines: LogLine[] = [];
  readonly marks = new Map<string, number>();
  readonly #buggify: boolean;
  readonly #heap = new EventHeap();
  readonly #hash = createHash("sha256");
  readonly #streams: SimulatedRandom[] = [];
  readonly #sites = new Map<string, BuggifySite>();
  readonly #names = new Set<string>();
  readonly #expected: RegExp[] = [];
  #failure: SimulationError | null = null;
  #nowMs = 0;
  #scheduled = 0;
  #running = false;

  constructor(seed: number, options: WorldOptions) {
    this.seed = seed;
    this.#buggify = options.buggify ?? false;
    this.main = this.process("main");
  }

  get env(): Env {
    return this.main.env;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  process(name: string): SimulatedProcess {
    assert(!this.#names.has(name), `a process ${name} was there before; number them`);
    this.#names.add(name);
    const metrics = createSimulatedMetrics();
    const life = { alive: true, wallOffsetMs: 0 };
    const clock = this.#clock(name, life);
    const log = createSimulatedLog({
      line: (level, message, fields) =>
        this.#line({ atMs: this.#nowMs, process: name, level, message, fields }),
      mark: (mark) => this.#mark(mark),
    });
    const buggify = (site: string): boolean => this.#buggify && this.#fires(site);
    return {
      name,
      env: { clock, random: this.#stream(`process/${name}`), log, metrics, buggify },
      metrics,
      kill: () => {
        life.alive = false;
      },
      jumpWallClock: (byMs) => {
        life.wallOffsetMs += byMs;
      },
    };
  }

  async drive<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.#run(() => settled, Number.POSITIVE_INFINITY);
    if (!settled) throw this.#error("nothing is scheduled any more, and the promise is open");
    return promise;
  }

  async runUntilIdle(): Promise<void> {
    await this.#run(() => false, Number.POSITIVE_INFINITY);
  }

  async runUntil(ms: number): Promise<void> {
    await this.#run(() => false, ms);
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  expectError(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  trace(fact: string): void {
    this.#hash.update(`fact ${fact}\n`);
  }

  traceHash(): string {
    const hash = this.#hash.copy();
    for (const stream of this.#streams) hash.update(`${stream.state()}\n`);
    return hash.digest("hex");
  }

  async #run(isDone: () => boolean, endMs: number): Promise<void> {
    assert(!this.#running, "two run methods of one world at once");
    this.#running = true;
    try {
      await settlePromises();
      for (let fired = 0; !isDone(); fired += 1) {
        this.#throwFailure();
        const next = this.#heap.peek();
        if (next === null || next.dueMs > endMs) break;
        if (fired === eventsPerRunMax) throw this.#error(`more than ${eventsPerRunMax} events`);
        this.#fire(next);
        await settlePromises();
      }
      this.#throwFailure();
    } finally {
      this.#running = false;
    }
  }

  #fire(event: SimulatedEvent): void {
    this.#heap.pop();
    this.#nowMs = event.dueMs;
    event.cancelled = true;
    this.#hash.update(`event ${event.sequence} ${event.dueMs} ${event.process}\n`);
    event.fire();
  }

  #clock(process: string, life: ProcessLife): Clock {
    const timer = (ms: number, fire: () => void): Timer => {
      assert(Number.isFinite(ms), `a timer of ${ms} ms`);
      const dueMs = this.#nowMs + Math.max(ms, 0);
      const event: SimulatedEvent = {
        dueMs,
        sequence: this.#scheduled,
        process,
        cancelled: !life.alive,
        fire: () => {
          if (life.alive) fire();
        },
      };
      this.#scheduled += 1;
      this.#heap.push(event);
      return {
        cancel: () => {
          event.cancelled = true;
        },
      };
    };
    return {
      now: () => wallStartMs + Math.floor(this.#nowMs) + life.wallOffsetMs,
      monotonic: () => this.#nowMs,
      timer,
      sleep: (ms, signal) => sleepOn(timer, ms, signal),
    };
  }

  #line(line: LogLine): void {
    const text = renderLine(line);
    this.#hash.update(`line ${text}\n`);
    this.lines.push(line);
    if (this.lines.length > linesMax) this.lines.shift();
    const isFailure = line.level === "error" && !this.#expected.some((each) => each.test(text));
    if (isFailure) this.#failure ??= this.#error(`unexpected error line: ${text}`);
  }

  #mark(name: string): void {
    this.#hash.update(`mark ${name}\n`);
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }

  /** Whether a site is on hangs on the seed and its name only, not on who asks first. */
  #fires(site: string): boolean {
    let known = this.#sites.get(site);
    if (known === undefined) {
      const random = this.#stream(`buggify/${site}`);
      known = { random, on: random.fraction() < buggifySiteChance };
      this.#sites.set(site, known);
    }
    return known.on && known.random.fraction() < buggifyFireChance;
  }

  #stream(name: string): SimulatedRandom {
    const stream = createSimulatedRandom(this.seed, name);
    this.#streams.push(stream);
    return stream;
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #error(what: string): SimulationError {
    return new SimulationError(`seed ${this.seed} at ${this.#nowMs} ms: ${what}`);
  }
}

interface BuggifySite {
  readonly random: SimulatedRandom;
  readonly on: boolean;
}

interface ProcessLife {
  alive: boolean;
  wallOffsetMs: number;
}

function settlePromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
