// The three layers of the store open together, or say together why not and let go of everything.

import { equal, match } from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openRocksEngine } from "@sampan/kv/engine/rocksdb";
import { type LocalStore, openLocalStore } from "./local-store.ts";

interface World {
  readonly env: Env;
  readonly path: string;
}

async function createWorld(context: TestContext): Promise<World> {
  const base = await mkdtemp(join(tmpdir(), "sampan-store-"));
  context.after(() => rm(base, { recursive: true }));
  const stream = { write: () => undefined };
  const env = createNodeEnv({ service: "test", log: { level: "error", format: "json", stream } });
  return { env, path: join(base, "data") };
}

function open({ env, path }: World) {
  const data = { path, create: "directory", version: "1.2.3" } as const;
  return openLocalStore(env, { data, cacheBytes: 1024 * 1024 });
}

async function opened(world: World): Promise<LocalStore> {
  const local = await open(world);
  if (!local.ok) throw new Error(local.error);
  return local.value;
}

async function refusal(world: World): Promise<string> {
  const local = await open(world);
  if (local.ok) await local.value.close();
  return local.ok ? "" : local.error;
}

test("what was committed is there at the next opening", async (context) => {
  const world = await createWorld(context);
  const key = Buffer.from("key");
  const first = await opened(world);
  await first.store.transact(async (transaction) => transaction.put(key, Buffer.from("value")));
  await first.close();
  await first.close();

  const second = await opened(world);
  const snapshot = await second.store.snapshot();
  equal(String(await snapshot.get(key)), "value");
  snapshot.release();
  await second.close();
});

test("a process that is not seen but holds the database is in the way", async (context) => {
  const world = await createWorld(context);
  const { directory, close } = await opened(world);
  await close();
  const other = await openRocksEngine(world.env, { directory: directory.kv });
  match(await refusal(world), /is in use by a process not seen from here \(another container\?\)/);
  await other.close();
  equal(await refusal(world), "");
});

test("a damaged database is told, and the directory let go of", async (context) => {
  const world = await createWorld(context);
  const { directory, close } = await opened(world);
  await close();
  await writeFile(join(directory.kv, "CURRENT"), "garbage");
  match(await refusal(world), /^the store in .*kv (is damaged|cannot be opened)/);
  equal((await readdir(world.path)).includes("LOCK"), false);
});
