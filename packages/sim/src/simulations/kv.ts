// The embedded store on the memory engine: bank, lists and a guarded pair on one store, while the
// machine loses its power, its disk fills up and its clock jumps. In some seeds clients see the
// store through the strict twin, which also does what a cluster may do to them.

import type { Env } from "@sampan/env";
import type { SimulatedWorld } from "@sampan/env/simulated";
import { type EmbeddedStore, openEmbeddedStore } from "@sampan/kv/embedded";
import type { MemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { createStrictStore, type StrictRates, strictStorm } from "@sampan/kv/txn/strict";
import { planFaults } from "../faults/plan.ts";
import { Machine, type Running } from "../machine.ts";
import { Count, type Simulation, type SimulationReport } from "../simulation.ts";
import { createBank } from "../workloads/bank.ts";
import { createGuardedPair } from "../workloads/guarded-pair.ts";
import { createListAppend } from "../workloads/list-append.ts";
import {
  type Client,
  type RunningClients,
  startClients,
  type Workload,
} from "../workloads/workload.ts";

export const kv: Simulation = {
  name: "kv",
  summary: "the embedded store: bank, list-append and a guarded pair under crashes and disk faults",
  run: runKv,
};

interface Settings {
  readonly durationMs: number;
  readonly clients: number;
  readonly pauseMsMax: number;
  readonly retentionMs: number;
  readonly collectPauseMsMax: number;
  readonly strict: StrictRates | null;
}

function drawSettings({ random }: Env): Settings {
  const durationMs = 5_000 + random.int(25_000);
  const clients = 1 + random.int(10);
  const steps = 100 + random.int(1_500);
  return {
    durationMs,
    clients,
    pauseMsMax: (2 * clients * durationMs) / steps,
    retentionMs: random.int(5_000),
    collectPauseMsMax: 200 + random.int(5_000),
    strict: random.int(3) === 0 ? strictStorm : null,
  };
}

async function runKv(world: SimulatedWorld): Promise<SimulationReport> {
  const settings = drawSettings(world.env);
  const problems: string[] = [];
  const problem = (text: string): void => {
    world.trace(`problem ${text}`);
    problems.push(text);
  };
  const workloads = createWorkloads(world.env, problem);
  const operations = new Count();
  const faults = new Count();
  const run: Run = { store: null, clients: null, isEnding: false };
  const boot = async (env: Env, engine: MemoryEngine): Promise<Running> => {
    // The last check is asked of the store itself, not of its strict twin's chances.
    const strict = run.isEnding ? null : settings.strict;
    const store = await openStore(env, engine, { ...settings, strict });
    const client: Client = { env, store: store.face };
    for (const workload of workloads) await workload.setUp(client);
    const parts = { world, workloads, operations, problem };
    const clients = run.isEnding ? null : startClients(client, parts, settings);
    run.store = store.face;
    run.clients = clients;
    return {
      stop: async () => {
        // The strict twin minds snapshots that are open at the end; the store must not.
        const clientsStop = clients?.stop();
        if (strict !== null) await clientsStop;
        await store.stop();
        await clientsStop;
      },
    };
  };
  const { random, clock } = world.env;
  const machine = new Machine(
    world,
    { boot, onCrash: () => undefined, faults, problem },
    { delayMsMax: random.int(10), readsPerWait: random.int(20) },
  );
  const plan = planFaults(random, settings.durationMs);
  if (plan.some(({ fault }) => fault.type === "write-failure")) {
    world.expectError(/a write failed|collecting old versions failed/);
  }
  machine.start();
  for (const fault of plan) machine.apply(fault);
  await clock.sleep(settings.durationMs);
  run.isEnding = true;
  await machine.up();
  await run.clients?.stop();
  machine.calm();
  if (random.int(2) === 0) machine.crash(0);
  else await machine.restart(0);
  await machine.up();
  if (run.store !== null) problems.push(...(await checkAll(workloads, world, run.store)));
  return { operations: operations.tally, faults: faults.tally, problems };
}

interface Run {
  store: Store | null;
  clients: RunningClients | null;
  isEnding: boolean;
}

function createWorkloads({ random }: Env, problem: (text: string) => void): Workload[] {
  return [
    createBank({ accounts: 2 + random.int(8) }, problem),
    createListAppend({ keys: 1 + random.int(8), operationsMax: 1 + random.int(6) }),
    createGuardedPair(problem),
  ];
}

async function checkAll(
  workloads: readonly Workload[],
  world: SimulatedWorld,
  store: Store,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const workload of workloads) {
    wrong.push(...(await workload.check({ env: world.env, store })));
  }
  return wrong;
}

/** `face` is what clients see. */
interface OpenStore {
  readonly face: Store;
  stop(): Promise<void>;
}

async function openStore(env: Env, engine: MemoryEngine, settings: Settings): Promise<OpenStore> {
  const { retentionMs, collectPauseMsMax, strict } = settings;
  const store = await openEmbeddedStore(env, { engine }, { retentionMs, collectEveryMs: 1_000 });
  const stopping = new AbortController();
  const running = [
    store.run(stopping.signal),
    collectNowAndThen(env, store, { pauseMsMax: collectPauseMsMax, signal: stopping.signal }),
  ];
  const face = strict === null ? store : createStrictStore(env, store, strict);
  return {
    face,
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      await face.close();
    },
  };
}

/** The store's own collector waits for garbage worth its while, of which these runs make little. */
async function collectNowAndThen(
  env: Env,
  store: EmbeddedStore,
  options: { readonly pauseMsMax: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!options.signal.aborted) {
    const before = store.newestTimestamp();
    await env.clock.sleep(env.random.fraction() * options.pauseMsMax);
    if (options.signal.aborted || store.stats().hasFailed) continue;
    // A write that fails while it walks is the machine's to heal.
    await store.gc(before).catch(() => undefined);
  }
}
