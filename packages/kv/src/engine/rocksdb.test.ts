// RocksDB passes the conformance suite, and is opened only by one, and only when it is ours.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AssertionError, errorCode } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { open } from "@sampan/rocksdb";
import { engineConformance } from "./conformance.ts";
import { openRocksEngine } from "./rocksdb.ts";
import { createWriteBatch } from "./write-batch.ts";

const { env } = createSimulatedWorld(1);
const makeDirectory = () => mkdtemp(join(tmpdir(), "rocks-engine-"));
const hasCode = (code: string) => (error: unknown) => errorCode(error) === code;

engineConformance("rocksdb", async () => {
  const root = await makeDirectory();
  const directory = join(root, "engine");
  return {
    engine: await openRocksEngine(env, { directory }),
    reopen: () => openRocksEngine(env, { directory }),
    checkpointDirectory: join(root, "checkpoint"),
    openCheckpoint: (copy) => openRocksEngine(env, { directory: copy }),
    dispose: () => rm(root, { recursive: true }),
  };
});

async function withRoot(body: (root: string) => Promise<void>): Promise<void> {
  const root = await makeDirectory();
  try {
    await body(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("rocksdb: a directory has one engine", () =>
  withRoot(async (root) => {
    const engine = await openRocksEngine(env, { directory: root });
    await assert.rejects(openRocksEngine(env, { directory: root }), hasCode("locked"));
    await engine.close();
    await (await openRocksEngine(env, { directory: root })).close();
  }));

test("rocksdb: a database whose families have other numbers is refused, and let go", () =>
  withRoot(async (root) => {
    const path = join(root, "db");
    const other = { path, families: ["default", "write", "lock", "raft"], createIfMissing: true };
    await (await open(other)).close();
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(openRocksEngine(env, { directory: path }), hasCode("invalid"));
    }
  }));

test("rocksdb: a database with families that are not ours is refused", () =>
  withRoot(async (root) => {
    const path = join(root, "db");
    await (await open({ path, families: ["default", "theirs"], createIfMissing: true })).close();
    await assert.rejects(openRocksEngine(env, { directory: path }), hasCode("invalid"));
  }));

test("rocksdb: what makes no sense is an assertion, once the engine is open", () =>
  withRoot(async (root) => {
    const engine = await openRocksEngine(env, { directory: root });
    const snapshot = engine.snapshot();
    snapshot.release();
    assert.throws(() => engine.get("default", Buffer.from("a"), snapshot), AssertionError);
    const batch = createWriteBatch();
    batch.put("default", Buffer.from("a"), Buffer.from("1"));
    batch.encoded = () => Buffer.from("no batch");
    await assert.rejects(engine.write(batch, { sync: true }), AssertionError);
    await engine.close();
  }));

test("rocksdb: a cache that is too small for RocksDB is refused", () =>
  withRoot((root) =>
    assert.rejects(openRocksEngine(env, { directory: root, cacheBytes: 1 }), hasCode("invalid")),
  ));
