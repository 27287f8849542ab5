import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { encodeBatch } from "./batch.ts";
import type { Database } from "./database.ts";
import { RocksError } from "./error.ts";
import { runScenario } from "./testing/processes.ts";
import { bytes, numbered, openIn, put, rest, withDirectory, write } from "./testing/world.ts";

const everything = { lower: bytes(""), upper: null, reverse: false, snapshot: null };
const isClosed = (error: unknown) => error instanceof RocksError && error.code === "closed";

async function fillOnDisk(directory: string, rows: number): Promise<void> {
  const database = await openIn(directory);
  const changes = Array.from({ length: rows }, (_, index) => put(numbered(index), "1"));
  await database.write(encodeBatch(changes), { sync: false });
  await database.flush();
  await database.close();
}

async function countRows(database: Database): Promise<number> {
  return (await rest(database.iterate("default", everything))).length;
}

test("writes that wait at a close are written and answered before it", () =>
  withDirectory(async (directory) => {
    const database = await openIn(directory);
    const answered: string[] = [];
    const writes = Array.from({ length: 500 }, (_, index) =>
      write(database, put(numbered(index), "1")).then(() => answered.push("write")),
    );
    const closing = database.close().then(() => answered.push("close"));
    await assert.rejects(write(database, put("late", "1")), isClosed);
    await Promise.all([...writes, closing]);
    assert.equal(answered.lastIndexOf("write"), 499);
    assert.equal(answered.indexOf("close"), 500);
    const again = await openIn(directory);
    assert.equal(await countRows(again), 500);
    await again.close();
  }));

test("reads that wait at a close are answered", () =>
  withDirectory(async (directory) => {
    await fillOnDisk(directory, 1000);
    const database = await openIn(directory);
    const snapshot = database.snapshot();
    const cursor = database.iterate("default", everything);
    const next = cursor.next();
    const reads = Array.from({ length: 200 }, (_, index) =>
      database.get("default", bytes(numbered(index)), index % 2 === 0 ? snapshot : null),
    );
    const property = database.property("rocksdb.stats");
    const checkpoint = database.checkpoint(join(directory, "copy"));
    const flush = database.flush();
    const closing = database.close();
    assert.ok((await Promise.all(reads)).every((value) => value?.toString() === "1"));
    assert.equal(await next, true);
    assert.ok(await property);
    await Promise.all([checkpoint, flush, closing]);
    assert.throws(() => cursor.next(), isClosed);
    cursor.close();
    snapshot.release();
  }));

test("after a close everything is refused", () =>
  withDirectory(async (directory) => {
    const database = await openIn(directory);
    await write(database, put("a", "1"), put("b", "1"));
    const cursor = database.iterate("default", everything);
    assert.equal(cursor.next(), true);
    const snapshot = database.snapshot();
    const closing = database.close();
    const refused: (() => unknown)[] = [
      () => database.get("default", bytes("a"), null),
      () => database.get("default", Buffer.alloc(100_000), null),
      () => database.getMany("default", [bytes("a")], null),
      () => database.getMany("default", [Buffer.alloc(100_000)], snapshot),
      () => database.snapshot(),
      () => database.iterate("default", everything),
      () => database.write(encodeBatch([]), { sync: false }),
      () => database.flush(),
      () => database.checkpoint(join(directory, "copy")),
      () => database.property("rocksdb.stats"),
      () => cursor.next(),
      () => cursor.seek(bytes("a")),
    ];
    for (let round = 0; round < 2; round++) {
      for (const call of refused) await assert.rejects(async () => call(), isClosed);
      await closing;
    }
    cursor.close();
    snapshot.release();
    await database.close();
  }));

test("cursors and snapshots that nobody closes are let go of by the database", () =>
  withDirectory(async (directory) => {
    await fillOnDisk(directory, 1000);
    for (let round = 0; round < 5; round++) {
      const database = await openIn(directory);
      for (let index = 0; index < 50; index++) {
        const snapshot = database.snapshot();
        const cursor = database.iterate("default", { ...everything, snapshot });
        await cursor.next();
      }
      await database.close();
    }
  }));

test("opening and closing at once, many times, in many directories", () =>
  withDirectory(async (directory) => {
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        for (let round = 0; round < 5; round++) {
          const database = await openIn(join(directory, `${index}`));
          const written = write(database, put(numbered(round), "1"));
          await Promise.all([written, database.close()]);
        }
        const database = await openIn(join(directory, `${index}`));
        assert.equal(await countRows(database), 5);
        await database.close();
      }),
    );
  }));

test("another process is told that the database is locked, and gets it afterwards", () =>
  withDirectory(async (directory) => {
    const database = await openIn(directory);
    assert.deepEqual((await runScenario("open", directory)).findings, ["locked"]);
    await database.close();
    assert.deepEqual((await runScenario("open", directory)).findings, ["opened"]);
  }));

interface Ending {
  readonly scenario: string;
  readonly code: number;
  readonly rows: number;
}

const endings: readonly Ending[] = [
  { scenario: "end without close", code: 0, rows: 1 },
  { scenario: "end with work under way", code: 0, rows: 1000 },
  { scenario: "exit with work under way", code: 7, rows: 1000 },
  { scenario: "exit while closing", code: 7, rows: 1000 },
  { scenario: "exit while opening", code: 7, rows: 0 },
  { scenario: "throw with work under way", code: 1, rows: 1000 },
];

for (const { scenario, code, rows } of endings) {
  test(`a process may ${scenario}: it ends as it should, what it wrote is there`, () =>
    withDirectory(async (directory) => {
      const ended = await runScenario(scenario, directory);
      assert.deepEqual([ended.signal, ended.code], [null, code], ended.errors);
      assert.deepEqual((await runScenario("count", directory)).findings, [rows]);
    }));
}

test("a process that is killed has what it was told is synced", () =>
  withDirectory(async (directory) => {
    const killed = await runScenario("write until killed", directory, { killAfterLines: 20 });
    assert.equal(killed.signal, "SIGKILL");
    const [rows] = (await runScenario("count", directory)).findings;
    assert.ok(Number(rows) >= killed.findings.length);
  }));

test("a database that is forgotten is closed", () =>
  withDirectory(async (directory) => {
    const ended = await runScenario("forget a database", directory, { execArgv: ["--expose-gc"] });
    assert.deepEqual(ended.findings, [1], ended.errors);
  }));

test("a worker's databases are closed when it ends", () =>
  withDirectory(async (directory) => {
    const ended = await runScenario("end a worker with work under way", directory);
    const [[...outcomes]] = ended.findings as [unknown[]];
    const rows = Number(outcomes.pop());
    assert.deepEqual(outcomes, ["locked", "locked", "locked"], ended.errors);
    assert.ok(rows >= 1 && rows <= 100);
  }));
