// The rows that RocksDB's addon finds visible against those that core's scan finds: the same
// decisions, written twice. Long histories, every kind of record, keys of all lengths, in memory and
// on the disk, in pages of every size.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { createSimulatedRandom } from "@sampan/env/simulated";
import {
  dataKey,
  encodeWrite,
  newWrite,
  type Timestamp,
  type VisibleRow,
  versionKey,
  type Write,
} from "../core/index.ts";
import type { Engine, JoinedKeys, Joining, Latin1Rows } from "../engine/engine.ts";
import { openRocksEngine } from "../engine/rocksdb.ts";
import { createWriteBatch } from "../engine/write-batch.ts";
import { scanLimitMax } from "../txn/txn.ts";
import { openEmbeddedStore } from "./embedded.ts";
import { type ScanParts, scanRows, visibleJoined, visibleLatin1 } from "./version-reads.ts";
import { VisibleScans } from "./visible-scans.ts";

const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });
const empty = Buffer.alloc(0);
const versionsMax = 40;
const timesMax = 60;

type Int = (below: number) => number;

/** Filled, then opened again: what the log held lies in files now. */
async function withEngine(
  cacheBytes: number,
  fillIt: (engine: Engine) => Promise<void>,
  body: (engine: Engine) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "sampan-visible-"));
  const options = { directory: join(directory, "db"), cacheBytes };
  const open = () => openRocksEngine(env, options);
  let engine = await open();
  try {
    await fillIt(engine);
    await engine.close();
    engine = await open();
    await body(engine);
  } finally {
    await engine.close();
    await rm(directory, { recursive: true });
  }
}

/** Now and then one that fills a first page by itself. */
function randomKey(int: Int): Buffer {
  const bytes = Buffer.alloc(int(40) === 0 ? 4_050 : int(20));
  for (let index = 0; index < bytes.length; index++)
    bytes[index] = [0, 1, 97, 254, 255][int(5)] ?? 0;
  return bytes;
}

function randomWrite(int: Int, startTs: Timestamp): Write {
  const type = (["put", "put", "put", "delete", "lock", "rollback"] as const)[int(6)] ?? "put";
  const value = int(4) === 0 ? null : Buffer.alloc(int(256), 65 + int(26));
  const write = newWrite(type, startTs, type === "put" ? value : null);
  const overlapped = int(8) === 0;
  return {
    ...write,
    overlappedRollback: overlapped,
    gcFence: overlapped && int(2) === 0 ? BigInt(int(timesMax)) : null,
    source: int(5) === 0 ? 7n : 0n,
  };
}

async function fill(engine: Engine, int: Int, keys: readonly Buffer[]): Promise<void> {
  for (const key of keys) {
    const batch = createWriteBatch();
    const versions = int(3) === 0 ? int(versionsMax) : int(4);
    for (let count = 0; count < versions; count++) {
      const startTs = (BigInt(1 + int(2 ** 30)) << 30n) | BigInt(int(2 ** 30));
      const write = encodeWrite(randomWrite(int, startTs));
      batch.put("write", versionKey(key, BigInt(int(timesMax))), write);
    }
    await engine.write(batch, { sync: false });
  }
}

/** The same engine, without its own way to find what is visible. */
function plain(engine: Engine): Engine {
  return {
    get: (...args) => engine.get(...args),
    getMany: (...args) => engine.getMany(...args),
    snapshot: () => engine.snapshot(),
    iterate: (...args) => engine.iterate(...args),
    write: (...args) => engine.write(...args),
    checkpoint: (directory) => engine.checkpoint(directory),
    close: () => engine.close(),
  };
}

/** Nothing is written meanwhile, so one iterator is aimed at range after range. */
function partsOf(engine: Engine): ScanParts {
  return { engine, clock: env.clock, scans: new VisibleScans(engine, { answered: 0 }) };
}

const text = (row: VisibleRow): string =>
  `${row.key.toString("hex")} ${row.value?.toString("hex") ?? "–"} ${row.valueKey?.toString("hex") ?? "–"}`;

/** As `text`, of a row that came as text itself. */
function latin1Text(name: string, { values, longs }: Latin1Rows, index: number): string {
  const key = Buffer.from(name, "latin1");
  const value = Buffer.from(values[index] ?? "", "latin1");
  if (longs[index] !== true) return text({ key, value, valueKey: null });
  return text({ key, value: null, valueKey: Buffer.concat([dataKey(key), value]) });
}

function joinedText(rows: readonly VisibleRow[], { skip, drop, separator }: Joining): JoinedKeys {
  const texts = rows.map(({ key }) => key.toString("latin1").slice(skip));
  const cut = texts.map((each) => each.slice(0, Math.max(0, each.length - drop)));
  return { text: cut.join(separator), count: rows.length };
}

for (const [name, cacheBytes] of [
  ["in memory", 8 * 1024 * 1024],
  ["with next to no cache", 64 * 1024],
] as const) {
  test(`what the addon finds visible is what core's scan finds, ${name}`, async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = createSimulatedRandom(seed, "visible");
      const int: Int = (below) => random.int(below);
      const keys = Array.from({ length: 400 }, () => randomKey(int));
      const fillIt = (engine: Engine) => fill(engine, int, keys);
      await withEngine(cacheBytes, fillIt, async (engine) => {
        assert.ok(engine.iterateVisible !== undefined);
        const [parts, plainParts] = [partsOf(engine), partsOf(plain(engine))];
        for (let scan = 0; scan < 60; scan++) {
          const [a, b] = [randomKey(int), randomKey(int)].sort(Buffer.compare);
          const range = {
            start: int(3) === 0 ? Buffer.alloc(0) : (a ?? Buffer.alloc(0)),
            end: int(3) === 0 ? null : (b ?? null),
          };
          const read = {
            readTs: BigInt(int(timesMax + 2)),
            options: { limit: [1, 2, 3, 60, 70, 1000][int(6)] ?? 1, keysOnly: int(3) === 0 },
          };
          const found = await scanRows(parts, range, read);
          const expected = await scanRows(plainParts, range, read);
          assert.deepEqual(found.map(text), expected.map(text), `seed ${seed}, scan ${scan}`);
          const texts = await visibleLatin1(parts, range, read);
          assert.ok(texts !== null);
          assert.deepEqual(
            texts.keys.map((key, index) => latin1Text(key, texts, index)),
            expected.map(text),
            `seed ${seed}, scan ${scan} as text`,
          );
          const joining = { skip: int(3), drop: int(3), separator: ["", ",", '","'][int(3)] ?? "" };
          const options = { ...read.options, ...joining };
          const joined = await visibleJoined(parts, range, { ...read, options });
          assert.deepEqual(
            joined,
            joinedText(expected, joining),
            `seed ${seed}, scan ${scan} joined`,
          );
        }
      });
    }
  });
}

test("thousands of dead rows before each living one are passed over, in memory or not", async () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `k${String(index).padStart(6, "0")}`);
  const isAlive = (index: number) => index % 5_000 === 4_999;
  const fillIt = async (engine: Engine) => {
    const batch = createWriteBatch();
    for (const [index, name] of names.entries()) {
      const write = newWrite(
        isAlive(index) ? "put" : "delete",
        4n,
        isAlive(index) ? Buffer.of(1) : null,
      );
      batch.put("write", versionKey(Buffer.from(name), 5n), encodeWrite(write));
    }
    await engine.write(batch, { sync: false });
  };
  for (const cacheBytes of [64 * 1024, 8 * 1024 * 1024]) {
    await withEngine(cacheBytes, fillIt, async (engine) => {
      const range = { start: Buffer.alloc(0), end: null };
      for (let round = 0; round < 2; round++) {
        const rows = await scanRows(partsOf(engine), range, {
          readTs: 9n,
          options: { limit: 10 },
        });
        const expected = names.filter((_, index) => isAlive(index));
        assert.deepEqual(
          rows.map(({ key }) => key.toString()),
          expected,
        );
      }
    });
  }
});

test("many lists at once beside a writer, from the disk, are what a scan backwards gives", async () => {
  const count = 6_000;
  const name = (index: number) => Buffer.from(`list/${String(index).padStart(5, "0")}/`);
  const fillIt = async (engine: Engine) => {
    const store = await openEmbeddedStore(env, { engine }, {});
    for (let start = 0; start < count; start += 1_000) {
      const indexes = Array.from({ length: 1_000 }, (_, index) => start + index);
      await store.transact(async (transaction) => {
        for (const index of indexes) transaction.put(name(index), empty);
      });
      await store.transact(async (transaction) => {
        for (const index of indexes) if (index % 5 === 0) transaction.delete(name(index));
      });
    }
    await store.close();
  };
  await withEngine(64 * 1024, fillIt, async (engine) => {
    const store = await openEmbeddedStore(env, { engine }, { valueCacheBytes: 0 });
    const random = createSimulatedRandom(1, "lists");
    let reading = 8;
    const write = async (): Promise<void> => {
      while (reading > 0) {
        await store.transact(async (transaction) => {
          const key = name(random.int(count));
          if (random.int(2) === 0) transaction.put(key, empty);
          else transaction.delete(key);
        });
      }
    };
    const read = async (): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        const snapshot = await store.snapshot();
        const from = random.int(count);
        const range = { start: name(from), end: name(from + random.int(2_000)) };
        const limit = scanLimitMax;
        const options = { limit, skip: 5, drop: 1, separator: " " };
        const { text: list } = await snapshot.scanJoined(range, options);
        const backwards = await snapshot.scan(range, { limit, reverse: true, keysOnly: true });
        const expected = backwards.map(({ key }) => String(key.subarray(5, -1))).reverse();
        assert.deepEqual(list === "" ? [] : list.split(" "), expected);
        snapshot.release();
      }
      reading -= 1;
    };
    await Promise.all([write(), ...Array.from({ length: reading }, read)]);
    await store.close();
  });
});

test("a malformed record is told, behind the rows before it", async () => {
  const fillIt = async (engine: Engine) => {
    const batch = createWriteBatch();
    const good = encodeWrite(newWrite("put", 4n, Buffer.of(1)));
    batch.put("write", versionKey(Buffer.from("a"), 5n), good);
    batch.put("write", versionKey(Buffer.from("b"), 5n), Buffer.from("X"));
    await engine.write(batch, { sync: false });
  };
  await withEngine(8 * 1024 * 1024, fillIt, async (engine) => {
    const range = { start: Buffer.alloc(0), end: null };
    const parts = partsOf(engine);
    const scan = async (limit: number) =>
      scanRows(parts, range, { readTs: 9n, options: { limit } });
    assert.equal((await scan(1)).length, 1);
    await assert.rejects(scan(2), { name: "IoError", code: "corrupt", message: /malformed/ });
  });
});
