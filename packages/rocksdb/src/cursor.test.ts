import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, encodeBatch } from "./batch.ts";
import type { Cursor } from "./cursor.ts";
import type { Database } from "./database.ts";
import { RocksError } from "./error.ts";
import {
  bytes,
  numbered,
  put,
  remove,
  removeRange,
  rest,
  withColdDatabase,
  withDatabase,
  write,
} from "./testing/world.ts";

interface Walk {
  readonly lower?: string;
  readonly upper?: string;
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
}

function iterate(database: Database, walk: Walk = {}): Cursor {
  return database.iterate("default", {
    lower: bytes(walk.lower ?? ""),
    upper: walk.upper === undefined ? null : bytes(walk.upper),
    reverse: walk.reverse ?? false,
    snapshot: null,
    keysOnly: walk.keysOnly ?? false,
  });
}

const coded = (code: string) => (error: unknown) =>
  error instanceof RocksError && error.code === code;

const letters = ["a", "b", "c", "d", "e"].map((letter) => put(letter, letter.toUpperCase()));

/** On rows in memory and on rows on the disk. */
function testBoth(name: string, body: (database: Database) => Promise<void>) {
  test(name, () =>
    withDatabase(async (database) => {
      await write(database, ...letters);
      await body(database);
    }),
  );
  test(`${name}, from the disk`, () => withColdDatabase(letters, body));
}

testBoth("a cursor walks its range in its direction", async (database) => {
  const check = async (walk: Walk, expected: string) => {
    assert.equal((await rest(iterate(database, walk))).join(" "), expected);
  };
  await check({}, "a=A b=B c=C d=D e=E");
  await check({ reverse: true }, "e=E d=D c=C b=B a=A");
  await check({ lower: "b", upper: "d" }, "b=B c=C");
  await check({ lower: "b", upper: "d", reverse: true }, "c=C b=B");
  await check({ lower: "bb", upper: "dd" }, "c=C d=D");
  await check({ lower: "bb", upper: "dd", reverse: true }, "d=D c=C");
  await check({ lower: "c", upper: "c" }, "");
  await check({ lower: "d", upper: "b" }, "");
  await check({ lower: "d", upper: "b", reverse: true }, "");
  await check({ lower: "f" }, "");
  await check({ upper: "" }, "");
  await check({ keysOnly: true }, "a= b= c= d= e=");
});

testBoth("a seek goes to the first row at or beyond its key", async (database) => {
  const check = async (walk: Walk, key: string, expected: string) => {
    const cursor = iterate(database, walk);
    cursor.seek(bytes(key));
    assert.equal((await rest(cursor)).join(" "), expected);
  };
  await check({}, "c", "c=C d=D e=E");
  await check({}, "cc", "d=D e=E");
  await check({}, "f", "");
  await check({ reverse: true }, "c", "c=C b=B a=A");
  await check({ reverse: true }, "cc", "c=C b=B a=A");
  await check({ reverse: true }, "", "");
  await check({ lower: "b", upper: "d" }, "a", "b=B c=C");
  await check({ lower: "b", upper: "d" }, "d", "");
  await check({ lower: "b", upper: "d", reverse: true }, "z", "c=C b=B");
  await check({ lower: "b", upper: "d", reverse: true }, "a", "");
});

testBoth("a seek after the end, and back, starts anew", async (database) => {
  const cursor = iterate(database);
  for (const key of ["e", "a", "c", "a"]) {
    cursor.seek(bytes(key));
    assert.equal(await cursor.next(), true);
    assert.equal(cursor.key.toString(), key);
    while (await cursor.next());
    assert.equal(await cursor.next(), false);
  }
  cursor.close();
});

test("rows come in pages of every size, none lost and none twice", () =>
  withDatabase(async (database) => {
    const indexes = Array.from({ length: 5000 }, (_, index) => index);
    const value = (index: number) => "v".repeat(index % 300);
    await write(database, ...indexes.map((index) => put(numbered(index), value(index))));
    const expected = indexes.map((index) => `${numbered(index)}=${value(index)}`);
    assert.deepEqual(await rest(iterate(database)), expected);
    assert.deepEqual(await rest(iterate(database, { reverse: true })), expected.toReversed());
  }));

test("rows on the disk go on where memory ends, in both directions", async () => {
  const indexes = Array.from({ length: 5000 }, (_, index) => index);
  const rows = indexes.map((index) => put(numbered(index), "v".repeat(index % 300)));
  const expected = indexes.map((index) => `${numbered(index)}=${"v".repeat(index % 300)}`);
  await withColdDatabase(rows, async (database) => {
    // Some blocks in the middle are cached: the walk is in memory, on the disk, and so on.
    await database.get("default", bytes(numbered(1000)), null);
    await database.get("default", bytes(numbered(1001)), null);
    const warm = iterate(database, { lower: numbered(1000) });
    assert.equal(warm.next(), true);
    assert.deepEqual((await rest(warm)).length, 3999);
    assert.deepEqual(await rest(iterate(database)), expected);
    assert.deepEqual(await rest(iterate(database, { reverse: true })), expected.toReversed());
  });
});

test("a row larger than any page comes whole", () =>
  withDatabase(async (database) => {
    const huge = Buffer.alloc(8 * 1024 * 1024, "0123456789");
    const change = { type: "put", family: 0, key: bytes("b"), value: huge } as const;
    await database.write(encodeBatch([put("a", "1"), change, put("c", "3")]), { sync: false });
    for (const reverse of [false, true]) {
      const cursor = iterate(database, { reverse });
      await cursor.next();
      assert.equal(await cursor.next(), true);
      assert.ok(cursor.value.equals(huge));
      assert.equal(await cursor.next(), true);
      assert.equal(await cursor.next(), false);
      cursor.close();
    }
  }));

test("a huge row on the disk comes whole too", () =>
  withColdDatabase([put("a", "1"), put("b", "x".repeat(3_000_000))], async (database) => {
    const cursor = iterate(database);
    assert.equal(await cursor.next(), true);
    assert.equal(await cursor.next(), true);
    assert.equal(cursor.value.length, 3_000_000);
    assert.equal(await cursor.next(), false);
    cursor.close();
  }));

test("a cursor sees the moment of its making, however long it walks", () =>
  withColdDatabase(
    Array.from({ length: 2000 }, (_, index) => put(numbered(index), "old")),
    async (database) => {
      const cursor = iterate(database);
      assert.equal(await cursor.next(), true);
      await write(database, removeRange(numbered(0), numbered(1999)), put(numbered(1), "new"));
      await database.flush();
      const rows = await rest(cursor);
      assert.equal(rows.length, 1999);
      assert.ok(rows.every((row) => row.endsWith("=old")));
      assert.deepEqual(await rest(iterate(database)), [
        `${numbered(1)}=new`,
        `${numbered(1999)}=old`,
      ]);
    },
  ));

test("a cursor in a snapshot outlives its release", () =>
  withColdDatabase(letters, async (database) => {
    const snapshot = database.snapshot();
    await write(database, remove("a"));
    const options = { lower: bytes(""), upper: null, reverse: false, snapshot };
    const cursor = database.iterate("default", options);
    snapshot.release();
    assert.equal((await rest(cursor)).length, 5);
    assert.throws(() => database.iterate("default", options), coded("invalid"));
  }));

test("a walk over many deleted rows leaves JavaScript's thread", () =>
  withDatabase(async (database) => {
    const indexes = Array.from({ length: 20_000 }, (_, index) => index);
    await write(database, ...indexes.map((index) => put(numbered(index), "")));
    await write(database, ...indexes.slice(1, -1).map((index) => remove(numbered(index))));
    const cursor = iterate(database);
    assert.equal(cursor.next(), true);
    const second = cursor.next();
    assert.ok(second instanceof Promise);
    assert.equal(await second, true);
    assert.equal(cursor.key.toString(), numbered(19_999));
    assert.equal(await cursor.next(), false);
    cursor.close();
  }));

test("two cursors do not disturb one another", () =>
  withDatabase(async (database) => {
    await write(database, ...letters);
    const forwards = iterate(database);
    const backwards = iterate(database, { reverse: true });
    const seen: string[] = [];
    while ((await forwards.next()) && (await backwards.next())) {
      seen.push(`${forwards.key}${backwards.key}`);
    }
    assert.deepEqual(seen, ["ae", "bd", "cc", "db", "ea"]);
    forwards.close();
    backwards.close();
  }));

test("a cursor that waits refuses all but close", () =>
  withColdDatabase(letters, async (database) => {
    const cursor = iterate(database);
    const first = cursor.next();
    assert.ok(first instanceof Promise);
    assert.throws(() => cursor.next(), coded("invalid"));
    assert.throws(() => cursor.seek(bytes("c")), coded("invalid"));
    cursor.close();
    await assert.rejects(first, coded("closed"));
    assert.throws(() => cursor.next(), coded("closed"));
    assert.throws(() => cursor.seek(bytes("c")), coded("closed"));
    cursor.close();
  }));

test("bounds that are no bytes are refused", () =>
  withDatabase(async (database) => {
    const lower = "a" as unknown as Buffer;
    const options = { lower, upper: null, reverse: false, snapshot: null };
    assert.throws(() => database.iterate("default", options), coded("invalid"));
    const other = { ...options, lower: bytes("a"), upper: lower };
    assert.throws(() => database.iterate("default", other), coded("invalid"));
    assert.throws(
      () => database.iterate("raft", { ...options, lower: bytes("") }),
      coded("invalid"),
    );
  }));

/** A row of TiKV's write family: the key `name`, shorter than 8 bytes, committed at `commit`. */
function version(name: string, commit: number, record: string): Change {
  const group = Buffer.concat([bytes(name), Buffer.alloc(8 - name.length)]);
  const inverted = Buffer.alloc(8);
  inverted.writeBigUInt64BE(0xffff_ffff_ffff_ffffn - BigInt(commit));
  const key = Buffer.concat([bytes("z"), group, Buffer.of(0xff - 8 + name.length), inverted]);
  return { type: "put", family: 2, key, value: Buffer.from(record, "latin1") };
}

test("what is visible at a timestamp comes as user keys, once each, with their values", async () => {
  await withDatabase(async (database) => {
    const many = Array.from({ length: 30 }, (_, index) => version("d", 10 + index, "P\x01v\x01."));
    const rows = [
      version("a", 3, "P\x01v\x03new"),
      version("a", 2, "P\x01v\x03old"),
      version("b", 2, "D\x01"),
      version("b", 1, "P\x01v\x04gone"),
      version("c", 4, "P\x01v\x05later"),
      version("c", 3, "L\x01"),
      version("c", 2, "P\x05"),
      ...many,
      version("d", 2, "P\x01v\x05first"),
    ];
    await database.write(encodeBatch(rows), { sync: false });
    const readTs = Buffer.from([0, 0, 0, 0, 0, 0, 0, 3]);
    const all = { lower: bytes("z"), upper: bytes("{"), reverse: false, snapshot: null, readTs };
    const cursor = database.iterate("write", all);
    const found: string[] = [];
    while (await cursor.next()) {
      const value = cursor.isLong ? cursor.copyValue().toString("hex") : String(cursor.value);
      found.push(`${cursor.copyKey()} ${value}`);
    }
    cursor.close();
    assert.deepEqual(found, ["a new", "c fffffffffffffffa", "d first"]);
    const backwards = { ...all, reverse: true };
    assert.throws(() => database.iterate("write", backwards), { code: "invalid" });
  });
});

const aimed = { upper: bytes("{"), keysOnly: true, rowsWanted: 9 };
const at = (ts: number) => Buffer.of(0, 0, 0, 0, 0, 0, 0, ts);

test("a cursor of what is visible is aimed again, and sees what it has seen", async () => {
  const rows = ["a1", "a2", "b1"].map((key) => version(key, 2, "P\x01v\x01v"));
  const later = version("a1", 3, "D\x02");
  await withDatabase(async (database) => {
    await database.write(encodeBatch([...rows, later]), { sync: false });
    const range = { lower: bytes("z"), upper: bytes("{"), reverse: false, snapshot: null };
    const cursor = database.iterate("write", { ...range, readTs: at(9) });
    const keys = async () => {
      const found: string[] = [];
      while (await cursor.next()) found.push(String(cursor.copyKey()));
      return found.join(" ");
    };
    assert.equal(await keys(), "a2 b1");
    await database.write(encodeBatch([version("a3", 2, "P\x01v\x01v")]), { sync: false });
    cursor.aim({ ...aimed, lower: bytes("z"), readTs: at(2) });
    assert.equal(await keys(), "a1 a2 b1");
    cursor.aim({ ...aimed, lower: bytes("za2"), upper: bytes("zb"), readTs: at(9) });
    assert.equal(await keys(), "a2");
    const joining = { skip: 1, drop: 0, separator: "+" };
    const joined = { text: "", count: 0 };
    cursor.aim({ ...aimed, lower: bytes("z"), readTs: at(2), joining });
    while (await cursor.nextJoined(joined));
    assert.deepEqual(joined, { text: "1+2+1", count: 3 });
    cursor.close();
    assert.throws(
      () => cursor.aim({ ...aimed, lower: bytes("z"), readTs: at(2) }),
      coded("closed"),
    );
    const plain = iterate(database);
    assert.throws(
      () => plain.aim({ ...aimed, lower: bytes("z"), readTs: at(2) }),
      coded("invalid"),
    );
    plain.close();
  });
});
