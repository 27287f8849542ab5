// The embedded store keeps the contract on the real engine, with real time, whose clock can be
// moved.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openRocksEngine } from "../engine/rocksdb.ts";
import { storeConformance } from "../txn/conformance.ts";
import { openEmbeddedStore } from "./embedded.ts";

const real = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });

storeConformance("embedded store on RocksDB", async (body) => {
  const directory = await mkdtemp(join(tmpdir(), "embedded-"));
  const { env, pass } = movableTime(real);
  const engine = await openRocksEngine(env, { directory });
  try {
    const store = await openEmbeddedStore(env, { engine }, {});
    await body({ store, pass });
    await store.close();
  } finally {
    await engine.close();
    await rm(directory, { recursive: true });
  }
});

/** Both clocks go on by themselves, and by `pass`. */
function movableTime(base: Env): { readonly env: Env; pass(ms: number): Promise<void> } {
  let movedMs = 0;
  const clock: Clock = {
    now: () => base.clock.now() + Math.floor(movedMs),
    monotonic: () => base.clock.monotonic() + movedMs,
    sleep: (ms, signal) => base.clock.sleep(ms, signal),
    timer: (ms, fire) => base.clock.timer(ms, fire),
  };
  const pass = async (ms: number): Promise<void> => {
    movedMs += ms;
  };
  return { env: { ...base, clock }, pass };
}
