// The embedded store on the memory engine: bank, lists, notes and a guarded pair on one store, while
// the machine loses its power, its disk fills up and its clock jumps.

import type { Env } from "@sampan/env";
import type { SimulatedWorld } from "@sampan/env/simulated";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { calmStore, drawStoreSettings, openSimulatedStore } from "../embedded-store.ts";
import { drawLives, type LivesParts, playLives } from "../lives.ts";
import type { Simulation, SimulationReport } from "../simulation.ts";
import { attempt } from "../workloads/attempt.ts";
import { createBank } from "../workloads/bank.ts";
import { createGuardedPair } from "../workloads/guarded-pair.ts";
import { createListAppend } from "../workloads/list-append.ts";
import { createNotes } from "../workloads/notes.ts";
import type { Client, Workload } from "../workloads/workload.ts";

export const kv: Simulation = {
  name: "kv",
  summary:
    "the embedded store: bank, list-append, notes and a guarded pair under crashes and disk faults",
  prepare: async () => playKv,
};

async function playKv(world: SimulatedWorld): Promise<SimulationReport> {
  const problems: string[] = [];
  const problem = (text: string): void => {
    world.trace(`problem ${text}`);
    problems.push(text);
  };
  const options = drawLives(world.env);
  const settings = drawStoreSettings(world.env);
  const readsPerWait = world.env.random.int(20);
  const parts: LivesParts<Store> = {
    workloads: createWorkloads(world.env, problem),
    firstEngine: (env) => createMemoryEngine(env, { readsPerWait }),
    open: async (env, engine, isEnding) => {
      const { strict } = isEnding ? calmStore : settings;
      const store = await openSimulatedStore(env, engine, isEnding ? calmStore : settings);
      const stop = async (stopClients: () => Promise<void>): Promise<void> => {
        const stopped = stopClients();
        // The strict twin minds snapshots that are open at its end; the store must not.
        if (strict !== null) await stopped;
        await store.stop();
        await stopped;
      };
      return { target: store.face, stop };
    },
    onCrash: () => undefined,
    proveLive,
    lastCheck: async () => [],
    problem,
    problems,
  };
  return playLives(world, parts, options);
}

const triesMax = 100;

async function proveLive({ env, target }: Client<Store>): Promise<readonly string[]> {
  let last = "";
  for (let tries = 0; tries < triesMax; tries += 1) {
    const done = await attempt(() =>
      target.transact(async (transaction) => {
        transaction.put(Buffer.from("live"), Buffer.from(`${tries}`));
      }),
    );
    if (done.type === "committed") return [];
    last = done.type === "aborted" ? done.reason : done.type;
    await env.clock.sleep(100);
  }
  return [`the store takes no writes any more: ${last}`];
}

/**
 * Runs that hardly write are as telling as those that write all the time: time goes on in them too.
 */
const writesOfTen = [1, 3, 6];

function createWorkloads({ random }: Env, problem: (text: string) => void): Workload<Store>[] {
  const writes = writesOfTen[random.int(writesOfTen.length)] ?? 1;
  const workloads = [
    createBank({ accounts: 2 + random.int(8), transfersOfTen: writes }, problem),
    createListAppend({
      keys: 1 + random.int(8),
      operationsMax: 1 + random.int(6),
      appendsOfTen: writes,
    }),
    createNotes({ notes: 1 + random.int(6), writesOfTen: writes }, problem),
    createGuardedPair(problem),
  ];
  return random.int(2) === 0 ? workloads : workloads.slice(0, -1);
}
