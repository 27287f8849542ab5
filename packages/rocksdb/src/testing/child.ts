// What happens in a process of its own, because it ends there or its disk fails. Each scenario
// prints its findings as one line of JSON; the tests that start it say what is expected.

import { rm, writeFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { encodeBatch } from "../batch.ts";
import { type Database, open } from "../database.ts";
import { families, numbered, openIn, put, rest } from "./world.ts";

const [name = "", directory = ""] = process.argv.slice(2);
const failingDisk = process.env["FAILING_DISK"] ?? "";
const print = (findings: unknown) => process.stdout.write(`${JSON.stringify(findings)}\n`);

const everything = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot: null };

function write(database: Database, index: number, sync: boolean): Promise<string> {
  const batch = encodeBatch([put(numbered(index), "1")]);
  return database.write(batch, { sync }).then(
    () => "written",
    (error) => error.code,
  );
}

async function countRows(database: Database): Promise<number> {
  return (await rest(database.iterate("default", everything))).length;
}

/** Opens without a word to JavaScript's thread that it is used: the process ends at once. */
function scribble(database: Database): void {
  for (let index = 0; index < 1000; index++) void write(database, index, index % 10 === 0);
}

/** Writes, lets the disk fail in `failure`'s way, and finds out what still goes. */
async function failDisk(failure: string, sync: boolean): Promise<void> {
  const database = await openIn(directory);
  const before = await write(database, 0, true);
  await writeFile(failingDisk, failure);
  const failing = await Promise.all([write(database, 1, sync), write(database, 2, sync)]);
  await rm(failingDisk);
  const later = await write(database, 3, true);
  const read = (await database.get("default", Buffer.from(numbered(0)), null))?.toString();
  await database.close();
  const again = await openIn(directory);
  const reopened = await write(again, 4, true);
  const kept = (await again.get("default", Buffer.from(numbered(0)), null))?.toString();
  await again.close();
  print({ before, failing, later, read, reopened, kept });
}

const scenarios: Record<string, () => Promise<void>> = {
  open: async () => {
    const outcome = await openIn(directory).then(
      (database) => database.close().then(() => "opened"),
      (error) => error.code,
    );
    print(outcome);
  },

  count: async () => {
    const database = await openIn(directory);
    print(await countRows(database));
    await database.close();
  },

  "end without close": async () => {
    const database = await openIn(directory);
    await write(database, 0, false);
    database.snapshot();
    const cursor = database.iterate("default", everything);
    await cursor.next();
    print("end");
  },

  "end with work under way": async () => {
    const database = await openIn(directory);
    scribble(database);
    print("end");
  },

  "exit with work under way": async () => {
    const database = await openIn(directory);
    scribble(database);
    for (let index = 0; index < 100; index++) {
      void database.getMany("default", [Buffer.from(numbered(index)), Buffer.alloc(70_000)], null);
    }
    void database.flush();
    process.exit(7);
  },

  "exit while closing": async () => {
    const database = await openIn(directory);
    scribble(database);
    void database.close();
    process.exit(7);
  },

  "exit while opening": async () => {
    void openIn(directory);
    process.exit(7);
  },

  "throw with work under way": async () => {
    const database = await openIn(directory);
    scribble(database);
    throw new Error("uncaught");
  },

  "write until killed": async () => {
    const database = await openIn(directory);
    for (let index = 0; ; index++) {
      await write(database, index, true);
      print(index);
    }
  },

  "forget a database": async () => {
    const collect = globalThis.gc ?? (() => undefined);
    await (async () => {
      const forgotten = await openIn(directory);
      await write(forgotten, 0, false);
      const cursor = forgotten.iterate("default", everything);
      await cursor.next();
      forgotten.snapshot();
    })();
    // The collector decides when; each turn of the loop gives its finalizers the chance to run.
    for (;;) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
      const again = await openIn(directory).catch(() => null);
      if (again === null) continue;
      print(await countRows(again));
      await again.close();
      return;
    }
  },

  "end a worker with work under way": async () => {
    const outcomes = [];
    for (let round = 0; round < 3; round++) {
      // A worker does not inherit the loader of TypeScript.
      const script = `import("tsx/esm/api").then((loader) => {
        loader.register();
        return import(${JSON.stringify(import.meta.url)});
      })`;
      const worker = new Worker(script, { eval: true, argv: ["in a worker", directory] });
      await new Promise((resolve) => worker.once("message", resolve));
      outcomes.push(await openIn(directory).catch((error) => error.code));
      await worker.terminate();
    }
    const database = await openIn(directory);
    print([...outcomes, await countRows(database)]);
    await database.close();
  },

  "in a worker": async () => {
    const { parentPort } = await import("node:worker_threads");
    const database = await open({
      path: `${directory}/db`,
      families,
      createIfMissing: true,
    });
    await write(database, 0, false);
    const cursor = database.iterate("default", everything);
    await cursor.next();
    database.snapshot();
    parentPort?.postMessage("ready");
    for (;;) {
      const writes = Array.from({ length: 100 }, (_, index) => write(database, index, false));
      await Promise.all(writes);
    }
  },

  "no space for a write": () => failDisk("28 write", false),
  "no space for a synced write": () => failDisk("28 write", true),
  "a write that fails": () => failDisk("5 write", false),
  "a sync that fails": () => failDisk("5 sync", true),
};

await scenarios[name]?.();
