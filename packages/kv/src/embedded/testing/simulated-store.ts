// An embedded store on the memory engine in a world of virtual time, for tests.

import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import {
  createMemoryEngine,
  type MemoryEngine,
  type MemoryEngineOptions,
} from "../../engine/memory.ts";
import { type EmbeddedStore, type EmbeddedStoreOptions, openEmbeddedStore } from "../embedded.ts";

export interface SimulatedStore {
  readonly world: SimulatedWorld;
  readonly engine: MemoryEngine;
  readonly store: EmbeddedStore;
  pass(ms: number): Promise<void>;
}

export interface SimulatedStoreOptions {
  readonly seed?: number;
  readonly engine?: MemoryEngineOptions;
  readonly store?: EmbeddedStoreOptions;
}

/** Writes take up to 4 ms, one read in ten has to wait for the disk. */
export const slowDisk: MemoryEngineOptions = { delayMsMax: 4, readsPerWait: 10 };

/** Runs the body to its end in a new world; closes the store, if it has not. */
export async function withSimulatedStore(
  options: SimulatedStoreOptions,
  body: (simulated: SimulatedStore) => Promise<void>,
): Promise<void> {
  const world = createSimulatedWorld(options.seed ?? 1);
  const run = async (): Promise<void> => {
    const engine = createMemoryEngine(world.env, options.engine ?? {});
    const store = await openEmbeddedStore(world.env, { engine }, options.store ?? {});
    await body({ world, engine, store, pass: (ms) => world.env.clock.sleep(ms) });
    await store.close();
  };
  await world.drive(run());
}
