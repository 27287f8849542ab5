// The embedded store as a simulated process opens it: with its collector at work, and now and then
// seen through the strict twin, which also does what a cluster may do to its clients.

import type { Env } from "@sampan/env";
import { type EmbeddedStore, openEmbeddedStore } from "@sampan/kv/embedded";
import type { MemoryEngine } from "@sampan/kv/engine/memory";
import { type Store, StoreError } from "@sampan/kv/txn";
import { createStrictStore, type StrictRates, strictStorm } from "@sampan/kv/txn/strict";
import { isDiskError } from "./faults/disk-errors.ts";

export interface StoreSettings {
  readonly retentionMs: number;
  readonly collectPauseMsMax: number;
  /** Null: clients see the store itself. */
  readonly strict: StrictRates | null;
}

/** For the last check: nobody's chances are in its way, and little happens while it waits. */
export const calmStore: StoreSettings = {
  retentionMs: 600_000,
  collectPauseMsMax: 600_000,
  strict: null,
};

export function drawStoreSettings({ random }: Env): StoreSettings {
  return {
    retentionMs: random.int(5_000),
    collectPauseMsMax: 200 + random.int(5_000),
    strict: random.int(3) === 0 ? strictStorm : null,
  };
}

export interface SimulatedStore {
  /** What clients see. */
  readonly face: Store;
  stop(): Promise<void>;
}

export async function openSimulatedStore(
  env: Env,
  engine: MemoryEngine,
  settings: StoreSettings,
): Promise<SimulatedStore> {
  const { retentionMs, collectPauseMsMax, strict } = settings;
  const store = await openEmbeddedStore(env, { engine }, { retentionMs, collectEveryMs: 5_000 });
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = [
    store.run(signal),
    collectNowAndThen(env, store, { pauseMsMax: collectPauseMsMax, signal }),
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
    try {
      await store.gc(before);
    } catch (error) {
      // A write that fails while it walks is the machine's to heal; so is a store that was closed.
      const isClosed = error instanceof StoreError && error.code === "closed";
      if (!isClosed && !isDiskError(error)) throw error;
    }
  }
}
