import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, encodeBatch } from "./batch.ts";
import { RocksError } from "./error.ts";
import {
  bytes,
  numbered,
  put,
  remove,
  removeRange,
  rest,
  withDatabase,
  write,
} from "./testing/world.ts";

const everything = { lower: bytes(""), upper: null, reverse: false, snapshot: null };
const isInvalid = (error: unknown) => error instanceof RocksError && error.code === "invalid";

test("writers of one turn share one group and one fsync", () =>
  withDatabase(async (database) => {
    await Promise.all(
      [0, 1, 2, 3].map((index) =>
        database.write(encodeBatch([put(numbered(index), "1")]), { sync: true }),
      ),
    );
    assert.deepEqual(database.commits(), { batches: 4, groups: 1, syncs: 1 });
    await Promise.all(
      [4, 5, 6].map((index) =>
        database.write(encodeBatch([put(numbered(index), "1")]), { sync: index === 5 }),
      ),
    );
    assert.deepEqual(database.commits(), { batches: 7, groups: 2, syncs: 2 });
    await write(database, put(numbered(7), "1"));
    assert.deepEqual(database.commits(), { batches: 8, groups: 3, syncs: 2 });
    const cursor = database.iterate("default", everything);
    assert.equal((await rest(cursor)).length, 8);
  }));

test("writers that were answered together come back as one group", () =>
  withDatabase(async (database) => {
    const writer = async (name: string) => {
      for (let round = 0; round < 10; round++) {
        await database.write(encodeBatch([put(name, `${round}`)]), { sync: true });
      }
    };
    await Promise.all(["a", "b", "c", "d"].map(writer));
    assert.deepEqual(database.commits(), { batches: 40, groups: 10, syncs: 10 });
  }));

test("batches apply and answer in the order of the calls, synced or not", () =>
  withDatabase(async (database) => {
    const answered: number[] = [];
    const writes: Promise<void>[] = [];
    for (let index = 0; index < 500; index++) {
      const batch = encodeBatch([put("last", `${index}`), put(numbered(index), "")]);
      const written = database.write(batch, { sync: index % 7 === 0 });
      writes.push(written.then(() => void answered.push(index)));
      if (index % 50 === 0) await written;
    }
    await Promise.all(writes);
    assert.deepEqual(
      answered,
      Array.from({ length: 500 }, (_, index) => index),
    );
    assert.deepEqual(database.get("default", bytes("last"), null), bytes("499"));
  }));

test("a batch is copied before the call returns", () =>
  withDatabase(async (database) => {
    const batch = encodeBatch([put("a", "1")]);
    const written = database.write(batch, { sync: false });
    batch.fill(0xff);
    await written;
    assert.deepEqual(database.get("default", bytes("a"), null), bytes("1"));
  }));

test("an empty batch is written, and synced, as any other", () =>
  withDatabase(async (database) => {
    await database.write(encodeBatch([]), { sync: true });
    assert.deepEqual(database.commits(), { batches: 1, groups: 1, syncs: 1 });
  }));

test("large batches go in groups of their own, in order", () =>
  withDatabase(async (database) => {
    const large = "x".repeat(700_000);
    const keys = Array.from({ length: 8 }, (_, index) => numbered(index));
    await Promise.all(keys.map((key) => write(database, put(key, large), put("last", key))));
    assert.deepEqual(database.get("default", bytes("last"), null), bytes(numbered(7)));
    assert.equal(database.commits().groups, 8);
  }));

test("a malformed batch is refused and harms no other", () =>
  withDatabase(async (database) => {
    const good = encodeBatch([put("a", "1"), remove("b", 1), removeRange("c", "d", 2)]);
    const check = async (batch: Buffer) => {
      const before = database.write(encodeBatch([put("before", "1")]), { sync: false });
      const refused = database.write(batch, { sync: true });
      const after = database.write(encodeBatch([put("after", "1")]), { sync: false });
      await assert.rejects(refused, isInvalid);
      await Promise.all([before, after]);
    };
    for (let length = 0; length < good.length; length++) await check(good.subarray(0, length));
    await check(Buffer.concat([good, Buffer.of(0)]));
    for (const [offset, byte] of [
      [8, 4],
      [8, 2],
      [11, 0xff],
      [12, 0x02],
      [12, 0x7f],
      [12, 0xff],
      [13, 3],
      [14, 0xff],
    ] as const) {
      const broken = Buffer.from(good);
      broken[offset] = byte;
      await check(broken);
    }
    await check(Buffer.from("00000000000000000100000001ffffffff7f", "hex"));
    await check(Buffer.from("0000000000000000010000000180808080800161", "hex"));
    await check(encodeBatch([removeRange("d", "c")]));
    await check(encodeBatch([put("a", "1", 300)]));
    assert.equal(database.get("default", bytes("a"), null), null);
    await database.write(good, { sync: true });
    assert.deepEqual(database.get("default", bytes("a"), null), bytes("1"));
  }));

test("random bytes never are a batch that crashes", () =>
  withDatabase(async (database) => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    const changes: Change[] = [put("a", "1"), remove("b", 1), removeRange("c", "d", 2)];
    const good = encodeBatch(changes);
    for (let round = 0; round < 2000; round++) {
      const broken = Buffer.from(good);
      for (let flips = 0; flips <= random(3); flips++) {
        broken[8 + random(good.length - 8)] = random(256);
      }
      await database.write(broken, { sync: false }).catch((error) => {
        assert.ok(isInvalid(error));
      });
    }
    await database.write(good, { sync: true });
  }));

test("the sequence number in a batch's header is the engine's to set", () =>
  withDatabase(async (database) => {
    const batch = encodeBatch([put("a", "1")]);
    batch.fill(0xff, 0, 8);
    await database.write(batch, { sync: true });
    assert.deepEqual(database.get("default", bytes("a"), null), bytes("1"));
  }));

test("a full queue of writes refuses more, and what it has is written", () =>
  withDatabase(
    async (database) => {
      const value = "x".repeat(100_000);
      const writes = Array.from({ length: 20 }, (_, index) =>
        write(database, put(numbered(index), value)).then(
          () => "written",
          (error) => error.code,
        ),
      );
      const outcomes = await Promise.all(writes);
      const written = outcomes.filter((outcome) => outcome === "written").length;
      assert.ok(written >= 9 && written < 20);
      assert.equal(outcomes.filter((outcome) => outcome === "busy").length, 20 - written);
      const found = await rest(database.iterate("default", everything));
      assert.equal(found.length, written);
      const tooLarge = write(database, put("large", "x".repeat(1_100_000)));
      await assert.rejects(tooLarge, isInvalid);
    },
    { writeQueueBytesMax: 1_000_000 },
  ));
