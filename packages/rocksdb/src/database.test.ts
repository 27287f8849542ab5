import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { encodeBatch } from "./batch.ts";
import { type Database, open } from "./database.ts";
import { RocksError, type RocksErrorCode } from "./error.ts";
import type { OpenOptions } from "./options.ts";
import {
  bytes,
  families,
  numbered,
  openIn,
  put,
  remove,
  removeRange,
  withColdDatabase,
  withDatabase,
  withDirectory,
  write,
} from "./testing/world.ts";

const coded = (code: RocksErrorCode) => (error: unknown) =>
  error instanceof RocksError && error.code === code;

async function value(database: Database, key: string, family = "default") {
  return (await database.get(family, bytes(key), null))?.toString() ?? null;
}

test("what is written is read, each family by itself", () =>
  withDatabase(async (database) => {
    await write(database, put("a", "1"), put("a", "2", 1), put("b", "3", 2));
    assert.equal(await value(database, "a"), "1");
    assert.equal(await value(database, "a", "lock"), "2");
    assert.equal(await value(database, "b", "write"), "3");
    assert.equal(await value(database, "b"), null);
  }));

test("what is in memory is answered at once, what is not with a promise", () =>
  withColdDatabase([put("a", "1")], async (database) => {
    const cold = database.get("default", bytes("a"), null);
    assert.ok(cold instanceof Promise);
    assert.deepEqual(await cold, bytes("1"));
    assert.deepEqual(database.get("default", bytes("a"), null), bytes("1"));
    assert.equal(database.get("default", bytes("zz"), null), null);
  }));

test("many keys come in the order of the question, absent ones as null", () =>
  withColdDatabase([put("a", "1"), put("b", ""), put("c", "333333")], async (database) => {
    const keys = ["c", "x", "a", "b", "c"].map(bytes);
    const expected = [bytes("333333"), null, bytes("1"), bytes(""), bytes("333333")];
    const cold = database.getMany("default", keys, null);
    assert.ok(cold instanceof Promise);
    assert.deepEqual(await cold, expected);
    assert.deepEqual(database.getMany("default", keys, null), expected);
    assert.deepEqual(database.getMany("default", [], null), []);
  }));

test("more keys than a cached read takes are read on a thread", () =>
  withDatabase(async (database) => {
    const indexes = Array.from({ length: 2000 }, (_, index) => index);
    await write(database, ...indexes.map((index) => put(numbered(index), `${index}`)));
    const keys = indexes.map((index) => bytes(numbered(index)));
    const values = database.getMany("default", keys, null);
    assert.ok(values instanceof Promise);
    assert.deepEqual(
      (await values).map(String),
      indexes.map((index) => `${index}`),
    );
  }));

test("keys and values are any bytes, empty and huge ones too", () =>
  withDatabase(async (database) => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const huge = Buffer.alloc(8 * 1024 * 1024, "0123456789");
    const longKey = Buffer.alloc(100_000, 0xfe);
    const pairs: [Buffer, Buffer][] = [
      [bytes(""), bytes("the empty key")],
      [every, every],
      [bytes("ключ"), bytes("значение 🚣")],
      [Buffer.of(0), bytes("")],
      [Buffer.of(0, 0), Buffer.of(0)],
      [longKey, huge],
      [bytes("huge"), huge],
    ];
    for (const [key, content] of pairs) {
      const batch = encodeBatch([{ type: "put", family: 2, key, value: content }]);
      await database.write(batch, { sync: true });
    }
    for (const [key, content] of pairs) {
      assert.ok((await database.get("write", key, null))?.equals(content));
    }
    const keys = pairs.map(([key]) => key);
    const values = await database.getMany("write", keys, null);
    assert.ok(values.every((found, index) => found?.equals(pairs[index]?.[1] ?? bytes("?"))));
    const some = database.getMany("write", [every, bytes("huge")], null);
    assert.ok(Array.isArray(some) && some[1]?.equals(huge));
  }));

test("a key may be any view of bytes", () =>
  withDatabase(async (database) => {
    await write(database, put("abc", "1"));
    const view = new Uint8Array(bytes("xxabcxx")).subarray(2, 5);
    assert.deepEqual(database.get("default", view, null), bytes("1"));
    assert.deepEqual(database.getMany("default", [view], null), [bytes("1")]);
  }));

test("the bytes of a read are the caller's", () =>
  withDatabase(async (database) => {
    await write(database, put("a", "1"), put("b", "2"));
    const first = await database.get("default", bytes("a"), null);
    const both = await database.getMany("default", [bytes("a"), bytes("b")], null);
    first?.fill(0);
    both[0]?.fill(0);
    await database.get("default", bytes("b"), null);
    assert.equal(await value(database, "a"), "1");
    assert.deepEqual(both[1], bytes("2"));
  }));

test("changes of a batch apply in their order, deletes and ranges too", () =>
  withDatabase(async (database) => {
    await write(database, put("a", "1"), put("b", "1"), put("c", "1"), put("d", "1"));
    await write(database, remove("a"), put("a", "2"), removeRange("b", "d"), put("c", "2"));
    const keys = ["a", "b", "c", "d"].map(bytes);
    const values = await database.getMany("default", keys, null);
    assert.deepEqual(values.map(String), ["2", "null", "2", "1"]);
  }));

test("a snapshot keeps its moment, also for reads on a thread", () =>
  withColdDatabase([put("a", "old"), put("b", "old")], async (database) => {
    const snapshot = database.snapshot();
    await write(database, put("a", "new"), remove("b"));
    assert.deepEqual(await database.get("default", bytes("a"), snapshot), bytes("old"));
    assert.deepEqual(await database.getMany("default", [bytes("a"), bytes("b")], snapshot), [
      bytes("old"),
      bytes("old"),
    ]);
    assert.equal(await value(database, "a"), "new");
    snapshot.release();
    snapshot.release();
    assert.throws(() => database.get("default", bytes("a"), snapshot), coded("invalid"));
  }));

test("a snapshot that is released while it is read is read to the end", () =>
  withColdDatabase([put("a", "old")], async (database) => {
    const snapshot = database.snapshot();
    await write(database, put("a", "new"));
    const reading = database.get("default", bytes("a"), snapshot);
    snapshot.release();
    assert.deepEqual(await reading, bytes("old"));
  }));

test("another database's snapshot is refused", () =>
  withDatabase((one) =>
    withDatabase(async (other) => {
      const snapshot = other.snapshot();
      assert.throws(() => one.get("default", bytes("a"), snapshot), coded("invalid"));
      snapshot.release();
    }),
  ));

test("an unknown family and a key that is no bytes are refused", () =>
  withDatabase(async (database) => {
    const text = "key" as unknown as Buffer;
    assert.throws(() => database.get("raft", bytes("a"), null), coded("invalid"));
    assert.throws(() => database.get("default", text, null), coded("invalid"));
    assert.throws(() => database.getMany("default", [text], null), coded("invalid"));
    assert.throws(() => database.write(text, { sync: false }), coded("invalid"));
    assert.throws(() => database.property("rocksdb.stats", "raft"), coded("invalid"));
  }));

test("a database is there again when it is opened again, unsynced writes too", () =>
  withDirectory(async (directory) => {
    const first = await openIn(directory);
    await write(first, put("a", "1"), put("b", "2", 2));
    await first.close();
    const second = await openIn(directory, { createIfMissing: false });
    assert.equal(await value(second, "a"), "1");
    assert.equal(await value(second, "b", "write"), "2");
    await second.close();
  }));

test("families are numbered in the order in which they were created", () =>
  withDirectory(async (directory) => {
    const first = await openIn(directory, { families: ["default", "write"] });
    assert.deepEqual(first.families, [
      { name: "default", id: 0 },
      { name: "write", id: 1 },
    ]);
    await first.close();
    const second = await openIn(directory);
    assert.deepEqual(second.families, [
      { name: "default", id: 0 },
      { name: "lock", id: 2 },
      { name: "write", id: 1 },
    ]);
    await write(second, put("a", "by id", 2));
    assert.equal(await value(second, "a", "lock"), "by id");
    await second.close();
    await assert.rejects(openIn(directory, { families: ["default"] }), coded("invalid"));
  }));

test("a checkpoint is a database of its own, of the moment it was made", () =>
  withDatabase(async (database, directory) => {
    await write(database, put("a", "1"));
    const copy = join(directory, "copy");
    await database.checkpoint(copy);
    await write(database, put("a", "2"));
    await assert.rejects(database.checkpoint(copy), coded("io"));
    const opened = await open({ path: copy, families, createIfMissing: false });
    assert.equal(await value(opened, "a"), "1");
    await opened.close();
    assert.equal(await value(database, "a"), "2");
  }));

test("properties are RocksDB's, of the family that is asked for", () =>
  withDatabase(async (database) => {
    await write(database, put("a", "1", 1), put("b", "1", 1));
    assert.equal(await database.property("rocksdb.estimate-num-keys", "lock"), "2");
    assert.equal(await database.property("rocksdb.estimate-num-keys"), "0");
    assert.equal(await database.property("rocksdb.no-such-thing"), null);
    await database.flush();
    assert.equal(await database.property("rocksdb.num-files-at-level0", "lock"), "1");
  }));

test("a directory is open once, by whichever name", () =>
  withDatabase(async (_, directory) => {
    await assert.rejects(openIn(directory), coded("locked"));
    await symlink(join(directory, "db"), join(directory, "link"));
    await assert.rejects(
      open({ path: join(directory, "link"), families, createIfMissing: true }),
      coded("locked"),
    );
    await assert.rejects(
      open({ path: join(directory, ".", "db", "..", "db"), families, createIfMissing: true }),
      coded("locked"),
    );
  }));

test("directories above are made, a file in the way is an error", () =>
  withDirectory(async (directory) => {
    const deep = await open({
      path: join(directory, "a", "b", "c"),
      families,
      createIfMissing: true,
    });
    await deep.close();
    const file = join(directory, "a", "b", "c", "CURRENT");
    await assert.rejects(open({ path: file, families, createIfMissing: true }), coded("io"));
    await assert.rejects(
      open({ path: join(file, "db"), families, createIfMissing: true }),
      coded("io"),
    );
  }));

test("a missing database is an error, unless it is to be created", () =>
  withDirectory(async (directory) => {
    await assert.rejects(openIn(directory, { createIfMissing: false }), coded("io"));
    await mkdir(join(directory, "db"));
    await assert.rejects(openIn(directory, { createIfMissing: false }), coded("invalid"));
  }));

test("options out of their bounds are refused by name", async () => {
  const check = async (options: Record<string, unknown>, name: string) => {
    const base: OpenOptions = { path: "/nowhere", families, createIfMissing: false };
    await assert.rejects(open({ ...base, ...options }), (error: unknown) => {
      return coded("invalid")(error) && error instanceof Error && error.message.startsWith(name);
    });
  };
  await check({ path: "" }, "path");
  await check({ path: "a\0b" }, "path");
  await check({ families: ["lock"] }, "families");
  await check({ families: ["default", "a", "a"] }, "families");
  await check({ blockCacheBytes: 0 }, "blockCacheBytes");
  await check({ writeBufferBytes: 1.5 }, "writeBufferBytes");
  await check({ bloomBits: -1 }, "bloomBits");
  await check({ readThreads: 1000 }, "readThreads");
  await check({ openFilesMax: Number.NaN }, "openFilesMax");
  await check({ compression: "brotli" }, "compression");
  await check({ compression: "toString" }, "compression");
  await check({ logLevel: "loud" }, "logLevel");
});

for (const compression of ["none", "snappy", "lz4", "zstd"] as const) {
  test(`blocks are written and read with compression ${compression}`, () =>
    withDatabase(
      async (database) => {
        await write(database, put("a", "1".repeat(100_000)));
        await database.flush();
        assert.equal((await value(database, "a"))?.length, 100_000);
      },
      { compression, bloomBits: 0 },
    ));
}

test("thousands of operations at once all answer", () =>
  withDatabase(async (database) => {
    const indexes = Array.from({ length: 3000 }, (_, index) => index);
    await Promise.all(
      indexes.map(async (index) => {
        await database.write(encodeBatch([put(numbered(index), `${index}`)]), {
          sync: index % 100 === 0,
        });
        assert.equal(await value(database, numbered(index)), `${index}`);
        const snapshot = database.snapshot();
        const found = await database.getMany("default", [bytes(numbered(index))], snapshot);
        assert.deepEqual(found.map(String), [`${index}`]);
        snapshot.release();
      }),
    );
    await database.flush();
  }));

test("errors are of the caller's making when it says how", () =>
  withDirectory(async (directory) => {
    class OwnError extends Error {}
    const createError = (code: string, message: string) => new OwnError(`${code}: ${message}`);
    const database = await openIn(directory, { createError });
    assert.throws(() => database.get("raft", bytes("a"), null), OwnError);
    await assert.rejects(database.write(bytes("no batch"), { sync: false }), OwnError);
    await assert.rejects(openIn(directory, { createError }), OwnError);
    await database.close();
    assert.throws(() => database.get("default", bytes("a"), null), OwnError);
  }));
