// The bounds that every store enforces, each with its code.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoreSubject, WithStore } from "../conformance.ts";
import {
  type Entry,
  keyBytesMax,
  readKeysMax,
  type Store,
  type StoreErrorCode,
  scanLimitMax,
  snapshotAgeMsMax,
  type Transaction,
  transactionAgeMsMax,
  transactionBytesMax,
  transactionKeysMax,
} from "../txn.ts";
import {
  commit,
  committed,
  contents,
  get,
  key,
  range,
  rejectsWith,
  throwsWith,
  write,
} from "./text.ts";

export function limitConformance(name: string, create: WithStore): void {
  keys(name, create);
  sizes(name, create);
  reads(name, create);
  ages(name, create);
}

const longest = Buffer.alloc(keyBytesMax, "k");
const tooLong = Buffer.alloc(keyBytesMax + 1, "k");

function keys(name: string, create: WithStore): void {
  const uses: Record<string, (transaction: Transaction, key: Uint8Array) => unknown> = {
    put: (transaction, each) => transaction.put(each, key("1")),
    delete: (transaction, each) => transaction.delete(each),
    lock: (transaction, each) => transaction.lock([each]),
    "hot lock": (transaction, each) => transaction.lock([each], { hot: true }),
    get: (transaction, each) => transaction.get(each),
    getMany: (transaction, each) => transaction.getMany([key("a"), each]),
  };
  for (const [verb, use] of Object.entries(uses)) {
    const check = (what: string, each: Uint8Array, code: StoreErrorCode): void => {
      test(`${name}: ${verb} of ${what} key fails with ${code}, nothing is written`, async () => {
        await create(async ({ store }) => {
          const body = async (transaction: Transaction): Promise<void> => {
            await use(transaction, each);
            write(transaction, "a=1");
          };
          await rejectsWith(code, store.transact(body));
          assert.equal(await contents(store), "");
        });
      });
    };
    check("an empty", new Uint8Array(0), "key-empty");
    check("too long a", tooLong, "key-too-long");
  }

  test(`${name}: the longest key is written, read and scanned`, async () => {
    await create(async ({ store }) => {
      await store.transact(async (transaction) => transaction.put(longest, key("1")));
      const snapshot = await store.snapshot();
      assert.notEqual(await snapshot.get(longest), null);
      const behind = Buffer.concat([longest, Buffer.alloc(1)]);
      const found = await snapshot.scan({ start: longest, end: behind }, { limit: 2 });
      assert.equal(found.length, 1);
      assert.equal(found[0]?.key.length, keyBytesMax);
      const scan = snapshot.scan({ start: Buffer.alloc(keyBytesMax + 2), end: null }, { limit: 1 });
      await rejectsWith("key-too-long", scan);
      snapshot.release();
    });
  });

  test(`${name}: after a refused write a transaction goes on without it`, async () => {
    await create(async ({ store }) => {
      const outcome = await store.transact(async (transaction) => {
        write(transaction, "a=1");
        throwsWith("key-empty", () => transaction.put(new Uint8Array(0), key("1")));
      });
      committed(outcome);
      assert.equal(await contents(store), "a=1");
    });
  });
}

function sizes(name: string, create: WithStore): void {
  const keyAt = (index: number) => key(`k${String(index).padStart(8, "0")}`);

  test(`${name}: ${transactionKeysMax} keys fit in a transaction, not one more`, async () => {
    await create(async ({ store }) => {
      const outcome = await store.transact(async (transaction) => {
        for (let index = 0; index < transactionKeysMax; index++) {
          transaction.put(keyAt(index), key("1"));
        }
        transaction.delete(keyAt(0));
        throwsWith("too-large", () => transaction.put(keyAt(transactionKeysMax), key("1")));
        throwsWith("too-large", () => transaction.delete(keyAt(transactionKeysMax)));
        await rejectsWith("too-large", transaction.lock([keyAt(transactionKeysMax)]));
      });
      committed(outcome);
      const snapshot = await store.snapshot();
      const found = await snapshot.scan(range("k.."), { limit: scanLimitMax });
      assert.equal(found.length, transactionKeysMax - 1);
      snapshot.release();
    });
  });

  test(`${name}: ${transactionBytesMax} bytes fit in a transaction, not one more`, async () => {
    await create(async ({ store }) => {
      const outcome = await store.transact(async (transaction) => {
        const value = Buffer.alloc(transactionBytesMax / 2 - keyAt(0).length);
        transaction.put(keyAt(0), value);
        transaction.put(keyAt(1), value);
        throwsWith("too-large", () => transaction.put(keyAt(1), Buffer.alloc(value.length + 1)));
        throwsWith("too-large", () => transaction.put(key("x"), new Uint8Array(0)));
        transaction.delete(keyAt(1));
        transaction.put(keyAt(2), Buffer.alloc(1000));
      });
      committed(outcome);
      const snapshot = await store.snapshot();
      const found = await snapshot.scan(range("k.."), { limit: 10 });
      assert.equal(found.length, 2);
      snapshot.release();
    });
  });
}

function reads(name: string, create: WithStore): void {
  for (const limit of [0, -1, 1.5, Number.NaN, scanLimitMax + 1]) {
    test(`${name}: a scan with limit ${limit} fails with limit`, async () => {
      await create(async ({ store }) => {
        const snapshot = await store.snapshot();
        await rejectsWith("limit", snapshot.scan(range(".."), { limit }));
        snapshot.release();
        const scan = (transaction: Transaction): Promise<Entry[]> =>
          transaction.scan(range(".."), { limit, reverse: true });
        await rejectsWith("limit", store.transact(scan));
      });
    });
  }

  test(`${name}: more than ${readKeysMax} keys in one read fail with limit`, async () => {
    await create(async ({ store }) => {
      const snapshot = await store.snapshot();
      const many = Array.from({ length: readKeysMax + 1 }, () => key("a"));
      await rejectsWith("limit", snapshot.getMany(many));
      assert.equal((await snapshot.getMany(many.slice(1))).length, readKeysMax);
      snapshot.release();
    });
  });

  const lateLocks: Record<string, (transaction: Transaction) => unknown> = {
    "a read": (transaction) => get(transaction, "a"),
    "a scan": (transaction) => transaction.scan(range(".."), { limit: 1 }),
    "a write": (transaction) => write(transaction, "a=1"),
    "a lock": (transaction) => transaction.lock([key("a")]),
    "its timestamp was asked for": (transaction) => transaction.startTs,
    "another hot lock": (transaction) => transaction.lock([key("a")], { hot: true }),
  };
  for (const [what, before] of Object.entries(lateLocks)) {
    test(`${name}: a hot lock after ${what} fails with order`, async () => {
      await create(async ({ store }) => {
        const body = async (transaction: Transaction): Promise<void> => {
          await before(transaction);
          await transaction.lock([key("b")], { hot: true });
        };
        await rejectsWith("order", store.transact(body));
      });
    });
  }
}

function ages(name: string, create: WithStore): void {
  const late = async (
    { store, pass }: StoreSubject,
    use: (transaction: Transaction) => unknown,
  ): Promise<void> => {
    const body = async (transaction: Transaction): Promise<void> => {
      await get(transaction, "a");
      await pass(transactionAgeMsMax + 1);
      await use(transaction);
    };
    await rejectsWith("too-old", store.transact(body));
    assert.equal(await contents(store), "");
  };

  test(`${name}: after ${transactionAgeMsMax} ms a transaction fails with too-old`, async () => {
    await create((subject) => late(subject, (transaction) => write(transaction, "a=1")));
    await create((subject) => late(subject, (transaction) => get(transaction, "a")));
    await create((subject) => late(subject, (each) => each.scan(range(".."), { limit: 1 })));
  });

  test(`${name}: a transaction just within its time commits`, async () => {
    await create(async ({ store, pass }) => {
      const outcome = await store.transact(async (transaction) => {
        await pass(transactionAgeMsMax * 0.9);
        write(transaction, "a=1");
      });
      committed(outcome);
    });
  });

  test(`${name}: after ${snapshotAgeMsMax} ms a snapshot fails with snapshot-too-old`, async () => {
    await create(async ({ store, pass }) => {
      await commit(store, "a=1");
      const snapshot = await store.snapshot();
      await pass(snapshotAgeMsMax * 0.9);
      assert.equal(await get(snapshot, "a"), "1");
      await pass(snapshotAgeMsMax * 0.1 + 1);
      await rejectsWith("snapshot-too-old", snapshot.get(key("a")));
      snapshot.release();
      const old = await agedSnapshot(store, pass);
      await rejectsWith("snapshot-too-old", old.scan(range(".."), { limit: 1 }));
      old.release();
    });
  });

  test(`${name}: a snapshot of a moment to come fails with snapshot-too-new`, async () => {
    await create(async ({ store }) => {
      const at = await commit(store, "a=1");
      const hour = BigInt(3_600_000) << 18n;
      await rejectsWith("snapshot-too-new", store.snapshot(at + hour));
    });
  });
}

async function agedSnapshot(store: Store, pass: StoreSubject["pass"]) {
  const snapshot = await store.snapshot();
  await pass(snapshotAgeMsMax + 1);
  return snapshot;
}
