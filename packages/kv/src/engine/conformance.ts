// What every engine must pass: the sentences of engine.ts, one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCode } from "@sampan/env";
import { type Engine, type Family, families, type IterateOptions, type Maybe } from "./engine.ts";
import { createWriteBatch } from "./write-batch.ts";

/** An engine with nothing in it, and how to go on when it is closed. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Opens again what the closed engine has left. */
  reopen(): Promise<Engine>;
  /** A name for `checkpoint` at which nothing is yet. */
  readonly checkpointDirectory: string;
  openCheckpoint(directory: string): Promise<Engine>;
  /** Removes what the engines have left; all of them are closed. */
  dispose(): Promise<void>;
}

type Create = () => Promise<EngineUnderTest>;

export function engineConformance(name: string, create: Create): void {
  const check = (sentence: string, run: (under: EngineUnderTest) => Promise<void>) => {
    test(`${name}: ${sentence}`, async () => {
      const under = await create();
      try {
        await run(under);
      } finally {
        await under.engine.close();
        await under.dispose();
      }
    });
  };
  checkReads(check);
  checkBatches(check);
  checkOrder(check);
  checkSnapshots(check);
  checkIterators(check);
  checkSeeks(check);
  checkClosing(check);
  checkCheckpoints(check);
}

type Check = (sentence: string, run: (under: EngineUnderTest) => Promise<void>) => void;

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

async function put(engine: Engine, entries: Record<string, string>, family: Family = "default") {
  const batch = createWriteBatch();
  for (const [key, value] of Object.entries(entries)) batch.put(family, bytes(key), bytes(value));
  await engine.write(batch, { sync: false });
}

async function read(engine: Engine, key: string, family: Family = "default") {
  const value = await engine.get(family, bytes(key), null);
  return value === null ? null : value.toString("latin1");
}

const everything = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot: null } as const;

/** All rows as `key=value`. */
async function rows(engine: Engine, family: Family, options: Partial<IterateOptions> = {}) {
  const iterator = engine.iterate(family, { ...everything, ...options });
  const found: string[] = [];
  while (await iterator.next()) {
    found.push(`${iterator.key.toString("latin1")}=${iterator.value.toString("latin1")}`);
  }
  iterator.close();
  return found;
}

async function rejectsWith(code: string, run: () => Maybe<unknown>): Promise<void> {
  await assert.rejects(
    async () => run(),
    (error: unknown) => errorCode(error) === code,
  );
}

function checkReads(check: Check): void {
  check("a key that was never written has no value", async ({ engine }) => {
    for (const family of families) assert.equal(await read(engine, "a", family), null);
  });

  check("a value is read back as it was written", async ({ engine }) => {
    await put(engine, { a: "1", b: "2" });
    assert.equal(await read(engine, "a"), "1");
    assert.equal(await read(engine, "b"), "2");
    assert.equal(await read(engine, "aa"), null);
  });

  check("the newest value counts", async ({ engine }) => {
    for (const value of ["1", "2", "3"]) await put(engine, { a: value });
    assert.equal(await read(engine, "a"), "3");
  });

  check("an empty value is a value", async ({ engine }) => {
    await put(engine, { a: "" });
    assert.equal(await read(engine, "a"), "");
    assert.deepEqual(await rows(engine, "default"), ["a="]);
  });

  check("keys are any bytes, in the order of the bytes", async ({ engine }) => {
    const keys = ["\0", "\0\0", "\0\x01", "\x01", "a", "a\0", "a\xff", "b", "\x7f", "\x80", "\xff"];
    await put(engine, Object.fromEntries([...keys].reverse().map((key) => [key, "v"])));
    const sorted = keys.map(bytes).sort(Buffer.compare);
    const expected = sorted.map((key) => `${key.toString("latin1")}=v`);
    assert.deepEqual(await rows(engine, "default"), expected);
    for (const key of keys) assert.equal(await read(engine, key), "v");
  });

  check("long keys and large values are read back", async ({ engine }) => {
    const key = "k".repeat(4096);
    const value = "v".repeat(3 * 1024 * 1024);
    await put(engine, { [key]: value });
    assert.equal(await read(engine, key), value);
    assert.deepEqual(await rows(engine, "default"), [`${key}=${value}`]);
  });

  check("families have keys of their own", async ({ engine }) => {
    for (const family of families) await put(engine, { a: family }, family);
    for (const family of families) {
      assert.equal(await read(engine, "a", family), family);
      assert.deepEqual(await rows(engine, family), [`a=${family}`]);
    }
  });

  check("getMany answers in the order of the keys, absent and double ones too", async (under) => {
    const { engine } = under;
    await put(engine, { a: "1", b: "2" });
    const keys = ["b", "x", "a", "b"].map(bytes);
    const values = await engine.getMany("default", keys, null);
    assert.deepEqual(
      values.map((value) => value?.toString() ?? null),
      ["2", null, "1", "2"],
    );
    assert.deepEqual(await engine.getMany("default", [], null), []);
  });

  check("the bytes of a value are the caller's", async ({ engine }) => {
    await put(engine, { a: "1" });
    (await engine.get("default", bytes("a"), null))?.fill("x");
    (await engine.getMany("default", [bytes("a")], null))[0]?.fill("x");
    assert.equal(await read(engine, "a"), "1");
  });
}

function checkBatches(check: Check): void {
  check("a batch is applied whole, over all families", async ({ engine }) => {
    const batch = createWriteBatch();
    for (const family of families) batch.put(family, bytes("a"), bytes(family));
    await engine.write(batch, { sync: true });
    for (const family of families) assert.equal(await read(engine, "a", family), family);
  });

  check("the changes of a batch happen in their order", async ({ engine }) => {
    const batch = createWriteBatch();
    batch.put("default", bytes("a"), bytes("1"));
    batch.put("default", bytes("a"), bytes("2"));
    batch.put("default", bytes("b"), bytes("1"));
    batch.delete("default", bytes("b"));
    batch.delete("default", bytes("c"));
    batch.put("default", bytes("c"), bytes("1"));
    await engine.write(batch, { sync: false });
    assert.deepEqual(await rows(engine, "default"), ["a=2", "c=1"]);
  });

  check("a range is deleted from its start to before its end", async ({ engine }) => {
    await put(engine, { a: "1", b: "2", bb: "3", c: "4", d: "5" });
    await put(engine, { b: "kept" }, "lock");
    const batch = createWriteBatch();
    batch.deleteRange("default", bytes("b"), bytes("d"));
    await engine.write(batch, { sync: false });
    assert.deepEqual(await rows(engine, "default"), ["a=1", "d=5"]);
    assert.deepEqual(await rows(engine, "lock"), ["b=kept"]);
  });

  check("a range is deleted between the changes before and behind it", async ({ engine }) => {
    const batch = createWriteBatch();
    batch.put("default", bytes("a"), bytes("before"));
    batch.deleteRange("default", bytes("a"), bytes("z"));
    batch.put("default", bytes("b"), bytes("behind"));
    await engine.write(batch, { sync: false });
    assert.deepEqual(await rows(engine, "default"), ["b=behind"]);
  });

  check("a range whose end is not behind its start deletes nothing", async ({ engine }) => {
    await put(engine, { a: "1", b: "2" });
    const batch = createWriteBatch();
    batch.deleteRange("default", bytes("b"), bytes("b"));
    batch.deleteRange("default", bytes("b"), bytes("a"));
    await engine.write(batch, { sync: false });
    assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2"]);
  });

  check("an empty batch is written", async ({ engine }) => {
    await engine.write(createWriteBatch(), { sync: false });
    await engine.write(createWriteBatch(), { sync: true });
  });

  check("a batch may be used again once write was called", async ({ engine }) => {
    const batch = createWriteBatch();
    batch.put("default", bytes("a"), bytes("1"));
    const first = engine.write(batch, { sync: false });
    batch.clear();
    batch.put("default", bytes("b"), bytes("2"));
    await Promise.all([first, engine.write(batch, { sync: false })]);
    assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2"]);
  });

  check("keys and values of a batch are copied", async ({ engine }) => {
    const key = bytes("a");
    const value = bytes("1");
    const batch = createWriteBatch();
    batch.put("default", key, value);
    key.fill("x");
    value.fill("x");
    await engine.write(batch, { sync: false });
    assert.deepEqual(await rows(engine, "default"), ["a=1"]);
  });
}

function checkOrder(check: Check): void {
  check("batches are applied and answered in the order of the calls", async ({ engine }) => {
    const answered: number[] = [];
    const writes = Array.from({ length: 100 }, async (_, index) => {
      const batch = createWriteBatch();
      batch.put("default", bytes("last"), bytes(`${index}`));
      batch.put("write", bytes(`${index}`.padStart(3, "0")), bytes("v"));
      await engine.write(batch, { sync: index % 7 === 0 });
      answered.push(index);
    });
    await Promise.all(writes);
    assert.deepEqual(
      answered,
      answered.map((_, index) => index),
    );
    assert.equal(await read(engine, "last"), "99");
    assert.equal((await rows(engine, "write")).length, 100);
  });

  check("what was answered is read", async ({ engine }) => {
    for (let index = 0; index < 50; index += 1) {
      await put(engine, { a: `${index}` });
      assert.equal(await read(engine, "a"), `${index}`);
    }
  });

  check("readers never see half a batch", async ({ engine }) => {
    for (let index = 0; index < 200; index += 1) {
      const batch = createWriteBatch();
      for (const family of families) batch.put(family, bytes("a"), bytes(`${index}`));
      const writing = engine.write(batch, { sync: index % 20 === 0 });
      const snapshot = engine.snapshot();
      const seen = await Promise.all(
        families.map(async (family) => {
          const value = await engine.get(family, bytes("a"), snapshot);
          return value?.toString() ?? null;
        }),
      );
      snapshot.release();
      assert.equal(new Set(seen).size, 1, seen.join(" "));
      await writing;
    }
  });
}

function checkSnapshots(check: Check): void {
  check("a snapshot does not see what is written later", async ({ engine }) => {
    await put(engine, { a: "1", b: "2", c: "3" });
    const snapshot = engine.snapshot();
    await put(engine, { a: "new", d: "new" });
    const batch = createWriteBatch();
    batch.delete("default", bytes("b"));
    batch.deleteRange("default", bytes("c"), bytes("d"));
    await engine.write(batch, { sync: false });

    const values = await engine.getMany("default", ["a", "b", "c", "d"].map(bytes), snapshot);
    assert.deepEqual(
      values.map((value) => value?.toString() ?? null),
      ["1", "2", "3", null],
    );
    assert.equal((await engine.get("default", bytes("a"), snapshot))?.toString(), "1");
    assert.deepEqual(await rows(engine, "default", { snapshot }), ["a=1", "b=2", "c=3"]);
    assert.deepEqual(await rows(engine, "default"), ["a=new", "d=new"]);
    snapshot.release();
  });

  check("snapshots of different moments stand side by side", async ({ engine }) => {
    const snapshots = [];
    for (let index = 0; index < 20; index += 1) {
      await put(engine, { a: `${index}`, [`k${index}`]: "v" });
      snapshots.push(engine.snapshot());
    }
    for (const [index, snapshot] of snapshots.entries()) {
      assert.equal((await engine.get("default", bytes("a"), snapshot))?.toString(), `${index}`);
      assert.equal((await rows(engine, "default", { snapshot })).length, index + 2);
      snapshot.release();
    }
  });

  check("a snapshot that is released twice is released once", async ({ engine }) => {
    const snapshot = engine.snapshot();
    snapshot.release();
    snapshot.release();
  });
}

function checkIterators(check: Check): void {
  const five = { a: "1", b: "2", c: "3", d: "4", e: "5" };

  check("an iterator walks both ways", async ({ engine }) => {
    await put(engine, five);
    assert.deepEqual(await rows(engine, "default"), ["a=1", "b=2", "c=3", "d=4", "e=5"]);
    const backwards = await rows(engine, "default", { reverse: true });
    assert.deepEqual(backwards, ["e=5", "d=4", "c=3", "b=2", "a=1"]);
  });

  check("bounds: the lower belongs to it, the upper does not", async ({ engine }) => {
    await put(engine, five);
    const between = async (lower: string, upper: string | null, reverse: boolean) => {
      const bounds = { lower: bytes(lower), upper: upper === null ? null : bytes(upper) };
      return (await rows(engine, "default", { ...bounds, reverse })).join(" ");
    };
    assert.equal(await between("b", "d", false), "b=2 c=3");
    assert.equal(await between("b", "d", true), "c=3 b=2");
    assert.equal(await between("bb", "dd", false), "c=3 d=4");
    assert.equal(await between("bb", "dd", true), "d=4 c=3");
    assert.equal(await between("d", null, false), "d=4 e=5");
    assert.equal(await between("d", null, true), "e=5 d=4");
    for (const reverse of [false, true]) {
      assert.equal(await between("c", "c", reverse), "");
      assert.equal(await between("d", "b", reverse), "");
      assert.equal(await between("f", null, reverse), "");
      assert.equal(await between("0", "1", reverse), "");
    }
  });

  check("an iterator over nothing ends at once, and stays there", async ({ engine }) => {
    for (const reverse of [false, true]) {
      const iterator = engine.iterate("default", { ...everything, reverse });
      assert.equal(await iterator.next(), false);
      assert.equal(await iterator.next(), false);
      iterator.close();
    }
  });

  check("an iterator that has ended stays there", async ({ engine }) => {
    await put(engine, five);
    for (const reverse of [false, true]) {
      const bounds = { lower: bytes("b"), upper: bytes("d") };
      const iterator = engine.iterate("default", { ...everything, ...bounds, reverse });
      for (const more of [true, true, false, false, false]) {
        assert.equal(await iterator.next(), more);
      }
      iterator.close();
    }
  });

  check("an iterator shows the moment at which it was made", async ({ engine }) => {
    await put(engine, five);
    const iterator = engine.iterate("default", everything);
    await put(engine, { a: "new", aa: "new", f: "new" });
    const seen: string[] = [];
    while (await iterator.next()) seen.push(`${iterator.key}=${iterator.value}`);
    iterator.close();
    assert.deepEqual(seen, ["a=1", "b=2", "c=3", "d=4", "e=5"]);
  });

  check("keys alone come with empty values", async ({ engine }) => {
    await put(engine, five);
    assert.deepEqual(
      await rows(engine, "default", { keysOnly: true }),
      Object.keys(five).map((key) => `${key}=`),
    );
  });

  check("many rows come page by page, none lost and none twice", async ({ engine }) => {
    const count = 20_000;
    const batch = createWriteBatch();
    const keys = Array.from({ length: count }, (_, index) => `${index}`.padStart(6, "0"));
    for (const key of keys) batch.put("write", bytes(key), bytes(key.repeat(10)));
    await engine.write(batch, { sync: false });
    const expected = keys.map((key) => `${key}=${key.repeat(10)}`);
    assert.deepEqual(await rows(engine, "write"), expected);
    assert.deepEqual(await rows(engine, "write", { reverse: true }), expected.reverse());
  });

  check("rows of very different sizes come whole", async ({ engine }) => {
    const sizes = [0, 1, 100, 300_000, 5, 1_500_000, 0, 70_000, 2];
    const entries = sizes.map((size, index): [string, string] => [`${index}`, "v".repeat(size)]);
    await put(engine, Object.fromEntries(entries));
    const expected = entries.map(([key, value]) => `${key}=${value}`);
    assert.deepEqual(await rows(engine, "default"), expected);
    assert.deepEqual(await rows(engine, "default", { reverse: true }), expected.reverse());
  });

  check("bounds and keys are the caller's again after the call", async ({ engine }) => {
    await put(engine, five);
    const lower = bytes("b");
    const upper = bytes("d");
    const iterator = engine.iterate("default", { ...everything, lower, upper });
    lower.fill("x");
    upper.fill("x");
    const seen: string[] = [];
    while (await iterator.next()) seen.push(iterator.key.toString());
    iterator.close();
    assert.deepEqual(seen, ["b", "c"]);
  });
}

function checkSeeks(check: Check): void {
  const three = { b: "1", d: "2", f: "3" };
  const after = async (engine: Engine, to: string, options: Partial<IterateOptions>) => {
    const iterator = engine.iterate("default", { ...everything, ...options });
    iterator.seek(bytes(to));
    const found = (await iterator.next()) ? iterator.key.toString() : null;
    iterator.close();
    return found;
  };

  check("seek jumps to the first entry at or behind the key", async ({ engine }) => {
    await put(engine, three);
    const expected = { a: "b", b: "b", c: "d", d: "d", e: "f", f: "f", g: null };
    for (const [to, found] of Object.entries(expected)) {
      assert.equal(await after(engine, to, {}), found, to);
    }
  });

  check("backwards seek jumps to the first entry at or before the key", async ({ engine }) => {
    await put(engine, three);
    const expected = { a: null, b: "b", c: "b", d: "d", e: "d", f: "f", g: "f" };
    for (const [to, found] of Object.entries(expected)) {
      assert.equal(await after(engine, to, { reverse: true }), found, to);
    }
  });

  check("seek does not leave the bounds", async ({ engine }) => {
    await put(engine, { ...three, h: "4" });
    const bounds = { lower: bytes("c"), upper: bytes("g") };
    assert.equal(await after(engine, "a", bounds), "d");
    assert.equal(await after(engine, "g", bounds), null);
    assert.equal(await after(engine, "z", bounds), null);
    assert.equal(await after(engine, "z", { ...bounds, reverse: true }), "f");
    assert.equal(await after(engine, "g", { ...bounds, reverse: true }), "f");
    assert.equal(await after(engine, "b", { ...bounds, reverse: true }), null);
  });

  check("seek goes on from there, forward and back, also after the end", async ({ engine }) => {
    await put(engine, { a: "1", b: "2", c: "3", d: "4" });
    const iterator = engine.iterate("default", everything);
    const next = async () => ((await iterator.next()) ? iterator.key.toString() : null);
    assert.equal(await next(), "a");
    iterator.seek(bytes("c"));
    assert.deepEqual([await next(), await next(), await next()], ["c", "d", null]);
    iterator.seek(bytes("b"));
    assert.deepEqual([await next(), await next()], ["b", "c"]);
    iterator.seek(bytes("a"));
    iterator.seek(bytes("d"));
    assert.deepEqual([await next(), await next()], ["d", null]);
    iterator.close();
  });

  check("seek finds its place among many rows", async ({ engine }) => {
    const keys = Array.from({ length: 5_000 }, (_, index) => `${index * 2}`.padStart(6, "0"));
    await put(engine, Object.fromEntries(keys.map((key) => [key, `v${key}`])));
    for (const reverse of [false, true]) {
      const iterator = engine.iterate("default", { ...everything, reverse });
      for (let target = 1; target < 9_999; target += 997) {
        iterator.seek(bytes(`${target}`.padStart(6, "0")));
        const even = target % 2 === 0 ? target : target + (reverse ? -1 : 1);
        assert.equal(await iterator.next(), true);
        assert.equal(iterator.key.toString(), `${even}`.padStart(6, "0"));
        assert.equal(iterator.value.toString(), `v${iterator.key}`);
      }
      iterator.close();
    }
  });
}

function checkClosing(check: Check): void {
  check("close waits for the writes under way", async ({ engine, reopen }) => {
    const writes = Array.from({ length: 20 }, (_, index) => put(engine, { [`k${index}`]: "v" }));
    const [, answers] = await Promise.all([engine.close(), Promise.allSettled(writes)]);
    assert.ok(answers.every(({ status }) => status === "fulfilled"));
    const again = await reopen();
    assert.equal((await rows(again, "default")).length, 20);
    await again.close();
  });

  check("a second close is no other", async ({ engine }) => {
    await Promise.all([engine.close(), engine.close()]);
    await engine.close();
  });

  check("after close everything is refused", async ({ engine, checkpointDirectory }) => {
    await engine.close();
    await rejectsWith("closed", () => engine.get("default", bytes("a"), null));
    await rejectsWith("closed", () => engine.getMany("default", [bytes("a")], null));
    await rejectsWith("closed", () => engine.write(createWriteBatch(), { sync: false }));
    await rejectsWith("closed", () => engine.write(createWriteBatch(), { sync: true }));
    await rejectsWith("closed", () => engine.snapshot());
    await rejectsWith("closed", () => engine.iterate("default", everything));
    await rejectsWith("closed", () => engine.checkpoint(checkpointDirectory));
  });

  check("iterators and snapshots that are open at close are let go", async ({ engine }) => {
    await put(engine, { a: "1", b: "2" });
    const iterator = engine.iterate("default", everything);
    const snapshot = engine.snapshot();
    assert.equal(await iterator.next(), true);
    await engine.close();
    await rejectsWith("closed", () => iterator.next());
    iterator.close();
    snapshot.release();
  });

  check("what was written is there after a reopening", async ({ engine, reopen }) => {
    for (const family of families) await put(engine, { a: family, b: "" }, family);
    const batch = createWriteBatch();
    batch.delete("lock", bytes("a"));
    batch.deleteRange("write", bytes("a"), bytes("z"));
    await engine.write(batch, { sync: true });
    await engine.close();
    const again = await reopen();
    assert.deepEqual(await rows(again, "default"), ["a=default", "b="]);
    assert.deepEqual(await rows(again, "lock"), ["b="]);
    assert.deepEqual(await rows(again, "write"), []);
    assert.deepEqual(await rows(again, "raft"), ["a=raft", "b="]);
    await put(again, { c: "3" });
    assert.equal(await read(again, "c"), "3");
    await again.close();
  });
}

function checkCheckpoints(check: Check): void {
  check("a checkpoint is a copy of its moment that stands alone", async (under) => {
    const { engine, checkpointDirectory, openCheckpoint } = under;
    for (const family of families) await put(engine, { a: family }, family);
    await engine.checkpoint(checkpointDirectory);
    await put(engine, { a: "later", b: "later" });
    const copy = await openCheckpoint(checkpointDirectory);
    for (const family of families) assert.equal(await read(copy, "a", family), family);
    assert.equal(await read(copy, "b"), null);
    await put(copy, { a: "in the copy" });
    assert.equal(await read(engine, "a"), "later");
    await copy.close();
  });

  check("a checkpoint does not go where something is", async (under) => {
    const { engine, checkpointDirectory } = under;
    await engine.checkpoint(checkpointDirectory);
    await rejectsWith("io", () => engine.checkpoint(checkpointDirectory));
  });
}
