// What all simulations of one machine have in common: its lives, the clients and faults of each,
// and the end, when faults and clients have stopped and every workload looks at what is left.

import type { Env } from "@sampan/env";
import type { SimulatedWorld } from "@sampan/env/simulated";
import type { MemoryEngine } from "@sampan/kv/engine/memory";
import { diskErrorLines } from "./faults/disk-errors.ts";
import { planFaults } from "./faults/plan.ts";
import { Machine, type Running } from "./machine.ts";
import { Count, type SimulationReport } from "./simulation.ts";
import {
  type Client,
  type ClientsOptions,
  type RunningClients,
  startClients,
  type Workload,
} from "./workloads/workload.ts";

export interface LivesOptions extends ClientsOptions {
  readonly durationMs: number;
  /** The longest time of a write when nothing is wrong. */
  readonly delayMsMax: number;
}

export interface LivesParts<Target> {
  readonly workloads: readonly Workload<Target>[];
  firstEngine(env: Env): MemoryEngine;
  /** Brings up what clients use. In the end nothing may be in the way of the last check. */
  open(env: Env, engine: MemoryEngine, isEnding: boolean): Promise<Opened<Target>>;
  /** What else loses its unsynced bytes with the power. */
  onCrash(): void;
  /** What is wrong when a write is not answered in the end, though nothing stands in its way. */
  proveLive(client: Client<Target>): Promise<readonly string[]>;
  /** Behind the checks of the workloads, on the same life. */
  lastCheck(target: Target): Promise<readonly string[]>;
  problem(text: string): void;
  readonly problems: readonly string[];
}

export interface Opened<Target> {
  readonly target: Target;
  /**
   * Ends what was opened; `stopClients` resolves when their steps have ended, called now or never.
   */
  stop(stopClients: () => Promise<void>): Promise<void>;
}

/**
 * How many steps the clients of one life take on the whole, and how long their pauses are for it.
 */
export function drawLives({ random }: Env): LivesOptions {
  const durationMs = 5_000 + random.int(25_000);
  const clients = 1 + random.int(10);
  const steps = 100 + random.int(1_500);
  return {
    durationMs,
    clients,
    pauseMsMax: (2 * clients * durationMs) / steps,
    tideMs: 500 + random.int(5_000),
    quietShare: random.int(2) === 0 ? 0 : random.fraction(),
    delayMsMax: random.int(10),
  };
}

export async function playLives<Target>(
  world: SimulatedWorld,
  parts: LivesParts<Target>,
  options: LivesOptions,
): Promise<SimulationReport> {
  const { workloads, problem } = parts;
  const operations = new Count();
  const faults = new Count();
  const end: { isNear: boolean; target: Target | null; clients: RunningClients | null } = {
    isNear: false,
    target: null,
    clients: null,
  };
  const boot = async (env: Env, engine: MemoryEngine): Promise<Running> => {
    const opened = await parts.open(env, engine, end.isNear);
    const life = { env, target: opened.target };
    for (const workload of workloads) await workload.setUp({ ...life, slot: 0 });
    const clientsParts = { world, workloads, operations, problem };
    const clients = end.isNear ? null : startClients(life, clientsParts, options);
    end.target = opened.target;
    end.clients = clients;
    return { stop: () => opened.stop(async () => await clients?.stop()) };
  };
  const { firstEngine, onCrash } = parts;
  const machineParts = { firstEngine, boot, onCrash, faults, problem };
  const machine = new Machine(world, machineParts, options.delayMsMax);
  const plan = planFaults(world.env.random, options.durationMs);
  if (plan.some(({ fault }) => fault.type === "write-failure")) world.expectError(diskErrorLines);
  machine.start();
  for (const fault of plan) machine.apply(fault);
  await world.env.clock.sleep(options.durationMs);

  end.isNear = true;
  machine.calm();
  if (machine.isUp) await end.clients?.stop();
  const wrong: string[] = [];
  if (end.target !== null && machine.isWritable) {
    wrong.push(...(await parts.proveLive({ env: world.env, target: end.target, slot: 0 })));
  }
  if (machine.isUp && world.env.random.int(2) === 0) await machine.restart(0);
  else machine.crash(0);
  await machine.up();
  for (const workload of workloads) {
    if (end.target === null) break;
    wrong.push(...(await workload.check({ env: world.env, target: end.target, slot: 0 })));
  }
  if (end.target !== null) wrong.push(...(await parts.lastCheck(end.target)));
  const problems = [...parts.problems, ...wrong];
  return { operations: operations.tally, faults: faults.tally, problems };
}
