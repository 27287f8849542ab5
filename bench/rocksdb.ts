// The addon alone, against its bars: how fast rows are scanned and read from memory, what writers
// gain by sharing an fsync, and that JavaScript's thread does not feel it.

import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type Database, encodeBatch, open } from "@sampan/rocksdb";
import { type BenchOptions, type Better, type Row, row } from "./result.ts";

const rowsCount = 200_000;
const rowsPerBatch = 100;
const valueBytes = 256;
const keysPerGetMany = 64;
const secondsPerWork = 2;
const value = Buffer.alloc(valueBytes, "0123456789abcdef");

interface Work {
  readonly name: string;
  readonly unit: string;
  readonly better: Better;
  /** What its figure is held against: a bar, or another work of the same round. */
  readonly against: { readonly name: string; readonly figure: number | string };
  measure(database: Database): Promise<number>;
}

const works: readonly Work[] = [
  {
    name: "scan, forwards",
    unit: "rows/s",
    better: "more",
    against: { name: "bar", figure: 1_000_000 },
    measure: (database) => scan(database, false),
  },
  {
    name: "scan, backwards",
    unit: "rows/s",
    better: "more",
    against: { name: "forwards", figure: "scan, forwards" },
    measure: (database) => scan(database, true),
  },
  {
    name: "new cursor, seek, 1 row",
    unit: "/s",
    better: "more",
    against: { name: "get", figure: "get, in memory" },
    measure: seekOne,
  },
  {
    name: "get, in memory",
    unit: "/s",
    better: "more",
    against: { name: "first sketch", figure: 139_000 },
    measure: get,
  },
  {
    name: "get 64 keys at once, in memory",
    unit: "keys/s",
    better: "more",
    against: { name: "one by one", figure: "get, in memory" },
    measure: getMany,
  },
  {
    name: "unsynced, batches of 100",
    unit: "rows/s",
    better: "more",
    against: { name: "first sketch", figure: 454_000 },
    measure: writeUnsynced,
  },
  {
    name: "synced, 1 writer",
    unit: "writes/s",
    better: "more",
    against: { name: "first sketch", figure: 2592 },
    measure: (database) => writeSynced(database, 1),
  },
  {
    name: "synced, 4 writers",
    unit: "writes/s",
    better: "more",
    against: { name: "1 writer", figure: "synced, 1 writer" },
    measure: (database) => writeSynced(database, 4),
  },
  {
    name: "synced, 64 writers",
    unit: "writes/s",
    better: "more",
    against: { name: "1 writer", figure: "synced, 1 writer" },
    measure: (database) => writeSynced(database, 64),
  },
  {
    name: "longest turn of the loop, no writes",
    unit: "ms",
    better: "less",
    against: { name: "bar", figure: 5 },
    measure: () => longestTurn(async () => {}),
  },
  {
    name: "longest turn of the loop, synced writes",
    unit: "ms",
    better: "less",
    against: { name: "bar", figure: 5 },
    measure: (database) => longestTurn(() => writeSynced(database, 4)),
  },
];

export async function benchRocksdb(options: BenchOptions): Promise<Row[]> {
  const figures = new Map<string, number[]>(works.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    const directory = mkdtempSync(join(tmpdir(), "rocksdb-bench-"));
    const path = join(directory, "db");
    const cache = { blockCacheBytes: 256 * 1024 * 1024 };
    const database = await open({ path, families: ["default"], createIfMissing: true, ...cache });
    try {
      await fill(database);
      for (const work of works) figures.get(work.name)?.push(await work.measure(database));
    } finally {
      await database.close();
      rmSync(directory, { recursive: true });
    }
  }
  return works.map(({ name, unit, better, against }) => {
    const { figure } = against;
    const held = typeof figure === "number" ? [figure] : (figures.get(figure) ?? []);
    const bar = against.name === "bar" ? 1 : null;
    const what = { work: name, unit, better, bar, rounds: options.rounds };
    return row(what, figures.get(name) ?? [], { name: against.name, figures: held });
  });
}

function keyOf(index: number): Buffer {
  return Buffer.from(String(index).padStart(16, "0"), "latin1");
}

function batchOf(from: number, count: number): Buffer {
  return encodeBatch(
    Array.from({ length: count }, (_, offset) => {
      return { type: "put", family: 0, key: keyOf(from + offset), value } as const;
    }),
  );
}

async function fill(database: Database): Promise<void> {
  for (let from = 0; from < rowsCount; from += rowsPerBatch) {
    await database.write(batchOf(from, rowsPerBatch), { sync: false });
  }
  await database.flush();
}

/** Calls `once` for a while; what it returns (operations done) per second. */
async function rate(once: () => Promise<number> | number): Promise<number> {
  const started = performance.now();
  let done = 0;
  let elapsed = 0;
  while (elapsed < secondsPerWork * 1000) {
    done += await once();
    elapsed = performance.now() - started;
  }
  return (done * 1000) / elapsed;
}

async function scanOnce(database: Database, reverse: boolean): Promise<number> {
  const cursor = database.iterate("default", {
    lower: Buffer.alloc(0),
    upper: null,
    reverse,
    snapshot: null,
  });
  let rows = 0;
  let bytes = 0;
  for (;;) {
    const stepped = cursor.next();
    if (stepped === false || (stepped !== true && !(await stepped))) break;
    rows += 1;
    bytes += cursor.key.length + cursor.value.length;
  }
  cursor.close();
  if (bytes !== rows * (16 + valueBytes)) throw new Error("the scan has lost bytes");
  return rows;
}

async function scan(database: Database, reverse: boolean): Promise<number> {
  await scanOnce(database, reverse);
  return rate(() => scanOnce(database, reverse));
}

/** Different keys all over the table, the same in every run. */
function scattered(index: number): number {
  return (index * 2_654_435_761) % rowsCount;
}

function seekOne(database: Database): Promise<number> {
  let next = 0;
  return rate(async () => {
    for (let done = 0; done < 100; done++) {
      const lower = keyOf(scattered(next++));
      const range = { lower, upper: null, reverse: false, snapshot: null };
      const cursor = database.iterate("default", range);
      const stepped = cursor.next();
      if (stepped !== true) await stepped;
      if (cursor.value.length !== valueBytes) throw new Error("the row is not there");
      cursor.close();
    }
    return 100;
  });
}

function get(database: Database): Promise<number> {
  let next = 0;
  return rate(async () => {
    for (let done = 0; done < 100; done++) {
      const found = database.get("default", keyOf(scattered(next++)), null);
      const content = found instanceof Promise ? await found : found;
      if (content?.length !== valueBytes) throw new Error("the value is not there");
    }
    return 100;
  });
}

function getMany(database: Database): Promise<number> {
  let next = 0;
  return rate(async () => {
    const keys = Array.from({ length: keysPerGetMany }, () => keyOf(scattered(next++)));
    const found = await database.getMany("default", keys, null);
    if (found.includes(null)) throw new Error("a value is not there");
    return keysPerGetMany;
  });
}

/** The batches are made beforehand: what is measured is the writing. */
function writeUnsynced(database: Database): Promise<number> {
  const batches = Array.from({ length: 1000 }, (_, index) =>
    batchOf(rowsCount + index * rowsPerBatch, rowsPerBatch),
  );
  let next = 0;
  return rate(async () => {
    const batch = batches[next++ % batches.length] as Buffer;
    await database.write(batch, { sync: false });
    return rowsPerBatch;
  });
}

async function writeSynced(database: Database, writers: number): Promise<number> {
  const rates = Array.from({ length: writers }, (_, writer) => {
    const batch = batchOf(rowsCount + writer, 1);
    return rate(async () => {
      await database.write(batch, { sync: true });
      return 1;
    });
  });
  return (await Promise.all(rates)).reduce((sum, each) => sum + each, 0);
}

/**
 * How long JavaScript's thread was away at most, milliseconds, while `work` was done. The time that
 * the machine gave to other processes while the thread was ready to run is not counted.
 */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  const { waited, close } = openWaitClock();
  let longest = 0;
  let last = performance.now() - waited();
  let isDone = false;
  const turn = () => {
    if (isDone) return;
    const now = performance.now() - waited();
    longest = Math.max(longest, now - last);
    last = now;
    setImmediate(turn);
  };
  setImmediate(turn);
  await Promise.all([work(), new Promise((resolve) => setTimeout(resolve, secondsPerWork * 1000))]);
  isDone = true;
  close();
  return longest;
}

/**
 * How long, milliseconds, this thread has waited for a processor so far: the second figure of
 * Linux's schedstat (Documentation/scheduler/sched-stats.rst). Makes no garbage, whose collection
 * would be the longest turn of all.
 */
function openWaitClock() {
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  const text = Buffer.alloc(64);
  const waited = () => {
    const length = readSync(file, text, 0, text.length, 0);
    let at = text.indexOf(" ") + 1;
    let waitedNs = 0;
    for (; at < length && text[at] !== 0x20; at++)
      waitedNs = waitedNs * 10 + (text[at] ?? 0) - 0x30;
    return waitedNs / 1e6;
  };
  return { waited, close: () => closeSync(file) };
}
