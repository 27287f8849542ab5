// A machine on which one process runs over one engine: it boots, is crashed, stopped and started,
// and every life is a new process of the world. What runs in it is the simulation's business.

import { type Env, errorMessage } from "@sampan/env";
import type { SimulatedProcess, SimulatedWorld } from "@sampan/env/simulated";
import type { MemoryEngine } from "@sampan/kv/engine/memory";
import { isDiskError } from "./faults/disk-errors.ts";
import type { Fault, PlannedFault } from "./faults/plan.ts";
import type { Count } from "./simulation.ts";

export interface MachineParts {
  /** What is on the disk when the machine is switched on first. */
  firstEngine(env: Env): MemoryEngine;
  /** Brings up what runs on the machine; an error of the disk means that it could not. */
  boot(env: Env, engine: MemoryEngine): Promise<Running>;
  /** What else loses its unsynced bytes with the power. */
  onCrash(): void;
  readonly faults: Count;
  problem(text: string): void;
}

export interface Running {
  /** Ends in order what `boot` began; the engine is closed afterwards. */
  stop(): Promise<void>;
}

/** After a boot that failed. */
const bootAgainMs = 100;

export class Machine {
  readonly #world: SimulatedWorld;
  readonly #parts: MachineParts;
  readonly #delayMsMax: number;
  #process: SimulatedProcess;
  #engine: MemoryEngine;
  #running: Running | null = null;
  #lives = 1;
  /** By which its wall clock is wrong. That clock is the machine's: it goes on without power. */
  #wallOffsetMs = 0;
  #isCalm = false;
  #isDiskBroken = false;
  #onUp: (() => void)[] = [];

  /** Every write and sync takes up to `delayMsMax` when nothing is wrong. */
  constructor(world: SimulatedWorld, parts: MachineParts, delayMsMax: number) {
    this.#world = world;
    this.#parts = parts;
    this.#delayMsMax = delayMsMax;
    this.#process = world.process("machine-1");
    this.#engine = parts.firstEngine(this.#process.env);
    this.#engine.setDelay(delayMsMax);
  }

  get lives(): number {
    return this.#lives;
  }

  start(): void {
    this.#startIn(0);
  }

  #boot(): void {
    const process = this.#process;
    this.#parts.boot(process.env, this.#engine).then(
      (running) => this.#up(running),
      (error: unknown) => this.#bootFailed(error),
    );
  }

  /** It is up, and no write of this life was made to fail for good. */
  get isWritable(): boolean {
    return this.isUp && !this.#isDiskBroken;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  /** Resolves when the machine is up, at once when it is. */
  async up(): Promise<void> {
    if (this.#running !== null) return;
    await new Promise<void>((resolve) => this.#onUp.push(resolve));
  }

  apply({ fault, atMs }: PlannedFault): void {
    this.#later(atMs, () => this.#strike(fault));
  }

  crash(downMs: number): void {
    this.#process.kill();
    this.#running = null;
    this.#parts.onCrash();
    this.#nextLife();
    this.#engine = this.#engine.crash(this.#world.env.random, this.#process.env);
    this.#startIn(downMs);
  }

  /** In order; what is not up yet, or cannot write any more, is crashed. */
  async restart(downMs: number): Promise<void> {
    const running = this.#running;
    const life = this.#lives;
    if (running === null) return this.crash(downMs);
    this.#running = null;
    try {
      await running.stop();
      await this.#engine.close();
    } catch (error) {
      if (!isDiskError(error)) throw error;
      this.#world.trace(`stop failed ${error.code}`);
      if (life === this.#lives) this.crash(downMs);
    }
    if (life !== this.#lives) return;
    this.#process.kill();
    this.#nextLife();
    this.#engine = this.#engine.reopen(this.#process.env);
    this.#startIn(downMs);
  }

  /** Nothing more happens to it; what is broken already heals with the next start. */
  calm(): void {
    this.#isCalm = true;
    this.#engine.setDelay(this.#delayMsMax);
  }

  #strike(fault: Fault): void {
    this.#parts.faults.add(fault.type);
    this.#world.trace(`fault ${fault.type}`);
    const life = this.#lives;
    switch (fault.type) {
      case "crash":
        this.crash(fault.downMs);
        break;
      case "restart":
        this.#restartOrReport(fault.downMs);
        break;
      case "busy":
        this.#engine.failNextWrite("busy");
        break;
      case "clock-jump":
        this.#wallOffsetMs += fault.byMs;
        this.#process.jumpWallClock(fault.byMs);
        break;
      case "slow-disk":
        this.#engine.setDelay(fault.delayMsMax);
        this.#later(fault.forMs, () => this.#engine.setDelay(this.#delayMsMax));
        break;
      case "write-failure":
        this.#isDiskBroken = true;
        this.#engine.failNextWrite(fault.code);
        this.#later(fault.forMs, () => {
          if (life !== this.#lives) return;
          if (fault.healedBy === "crash") this.crash(0);
          else this.#restartOrReport(0);
        });
        break;
    }
  }

  #later(ms: number, happen: () => void): void {
    this.#world.env.clock.timer(ms, () => {
      if (!this.#isCalm) happen();
    });
  }

  #restartOrReport(downMs: number): void {
    this.restart(downMs).catch((error: unknown) => {
      this.#parts.problem(`an orderly stop failed: ${errorMessage(error)}`);
      this.crash(0);
    });
  }

  /** Unless the power goes before: then that life never began. */
  #startIn(downMs: number): void {
    const life = this.#lives;
    this.#world.env.clock.timer(downMs, () => {
      if (life === this.#lives) this.#boot();
    });
  }

  #nextLife(): void {
    this.#isDiskBroken = false;
    this.#lives += 1;
    this.#process = this.#world.process(`machine-${this.#lives}`);
    this.#process.jumpWallClock(this.#wallOffsetMs);
  }

  #up(running: Running): void {
    this.#running = running;
    for (const resolve of this.#onUp.splice(0)) resolve();
  }

  #bootFailed(error: unknown): void {
    if (isDiskError(error)) {
      this.#world.trace(`boot failed ${error.code}`);
      this.crash(bootAgainMs);
      return;
    }
    this.#parts.problem(`the machine does not start: ${errorMessage(error)}`);
  }
}
