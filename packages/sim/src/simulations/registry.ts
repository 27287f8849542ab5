// The registry's /v2/ over the embedded store and blobs in memory, on one machine that loses its
// power: what was answered is found again, nothing is seen torn, and the event log tells all of it.
// In some seeds the registry sees its store through the strict twin, as if it ran on a cluster.

import type { Env } from "@sampan/env";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine, type MemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { createRegistry, initialise } from "@sampan/registry";
import type { BlobStore } from "@sampan/registry/blobs";
import { createMemoryBlobs } from "@sampan/registry/blobs/memory";
import {
  calmStore,
  drawStoreSettings,
  openSimulatedStore,
  type SimulatedStore,
} from "../embedded-store.ts";
import { drawLives, type LivesParts, type Opened, playLives } from "../lives.ts";
import type { Simulation, SimulationReport } from "../simulation.ts";
import { checkEvents } from "../workloads/push-pull/events.ts";
import { PushPull } from "../workloads/push-pull/push-pull.ts";
import { Recycle } from "../workloads/recycle.ts";
import type { Distribution } from "../workloads/registry-client.ts";

export const registry: Simulation = {
  name: "registry",
  summary: "the registry's /v2/ over the embedded store: push-pull under crashes and disk faults",
  prepare: async () => {
    const installed = await install();
    return (world) => playRegistry(world, installed);
  },
};

const installedName = "installed";
/**
 * Behind the last request, in some seeds, so that sweeps come by: what has a name outlives them.
 */
const sweepsMs = 100 * 60_000;
const uploadExpiryMs = sweepsMs / 2;
/** Of seeds in which blobs that no manifest came to name are collected, and of the others. */
const graceMsShort = 10_000;
const collectingMs = 60_000;
const graceMsLong = 30 * 24 * 3_600_000;

/** A store with a registry in it. The hash of its password takes real time and so is made once. */
async function install(): Promise<MemoryEngine> {
  const { env } = createSimulatedWorld(0);
  const engine = createMemoryEngine(env, {});
  const store = await openEmbeddedStore(env, { engine }, {});
  const made = await initialise(env, store, { adminPassword: "not asked for in here" });
  if (!made.ok) throw new Error(`the registry is not installed: ${made.error.code}`);
  await store.close();
  await engine.checkpoint(installedName);
  return engine;
}

async function playRegistry(
  world: SimulatedWorld,
  installed: MemoryEngine,
): Promise<SimulationReport> {
  const problems: string[] = [];
  const problem = (text: string): void => {
    world.trace(`problem ${text}`);
    problems.push(text);
  };
  const drawn = drawLives(world.env);
  const settings = drawStoreSettings(world.env);
  const engineOptions = { readsPerWait: world.env.random.int(20) };
  const blobs = createMemoryBlobs(world.env);
  const keepsUnnamed = world.env.random.int(2) === 0;
  // Long enough that the collector looks twice, several times.
  const durationMs = drawn.durationMs + (keepsUnnamed ? 0 : collectingMs);
  const options = { ...drawn, durationMs };
  const pushPull = new PushPull(world.env, problem, { keepsUnnamed });
  const recycle = new Recycle(world.env, problem);
  const workloads = keepsUnnamed ? [pushPull] : [pushPull, recycle];
  let store: Store | null = null;

  const open = async (
    env: Env,
    engine: MemoryEngine,
    isEnding: boolean,
  ): Promise<Opened<Distribution>> => {
    const opened = await openSimulatedStore(env, engine, isEnding ? calmStore : settings);
    store = opened.face;
    return openRegistry(env, opened, { blobs, graceMs: keepsUnnamed ? graceMsLong : graceMsShort });
  };

  const parts: LivesParts<Distribution> = {
    workloads,
    firstEngine: (env) => installed.openCheckpoint(installedName, env, engineOptions),
    open,
    onCrash: () => blobs.crash(),
    proveLive: (client) => pushPull.proveLive(client),
    lastCheck: async (target) => {
      const wrong = store === null ? [] : await checkEvents(world.env, store, pushPull.shelf);
      if (world.env.random.int(4) > 0) return wrong;
      await world.env.clock.sleep(sweepsMs);
      return [...wrong, ...(await pushPull.check({ env: world.env, target, slot: 0 }))];
    },
    problem,
    problems,
  };
  return playLives(world, parts, options);
}

/** Its /v2/ and what runs behind it. The management API is made and never asked: it has no end. */
function openRegistry(
  env: Env,
  { face: store, stop: stopStore }: SimulatedStore,
  { blobs, graceMs }: { readonly blobs: BlobStore; readonly graceMs: number },
): Opened<Distribution> {
  const { distribution, run } = createRegistry(
    env,
    { store, blobs },
    {
      version: "simulated",
      externalUrl: null,
      auth: "none",
      uploadExpiryMs,
      graceMs,
      instance: "simulated",
      // Another thread would answer at moments of the machine's choosing.
      hashWorkers: 0,
    },
  );
  const stopping = new AbortController();
  const running = run(stopping.signal);
  const stop = async (stopClients: () => Promise<void>): Promise<void> => {
    await stopClients();
    stopping.abort();
    await running;
    await stopStore();
  };
  return { target: distribution, stop };
}
