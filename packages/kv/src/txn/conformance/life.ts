// How transactions, snapshots and stores end.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { WithStore } from "../conformance.ts";
import type { Transaction } from "../txn.ts";
import {
  commit,
  committed,
  contents,
  createGate,
  get,
  key,
  range,
  rejectsWith,
  throwsWith,
  write,
} from "./text.ts";

export function lifeConformance(name: string, create: WithStore): void {
  transactions(name, create);
  stores(name, create);
}

function transactions(name: string, create: WithStore): void {
  test(`${name}: the value of fn is the value of the outcome`, async () => {
    await create(async ({ store }) => {
      const outcome = await store.transact(async (transaction) => {
        write(transaction, "a=1");
        return { answer: 42 };
      });
      assert.deepEqual(committed(outcome).value, { answer: 42 });
    });
  });

  test(`${name}: an exception rolls back and reaches the caller as it was`, async () => {
    await create(async ({ store }) => {
      await commit(store, "a=1");
      const failure = new RangeError("as the test wants");
      let runs = 0;
      const body = async (transaction: Transaction): Promise<void> => {
        runs += 1;
        write(transaction, "a=2 b=2");
        throw failure;
      };
      await assert.rejects(store.transact(body), (error) => error === failure);
      assert.equal(runs, 1);
      assert.equal(await contents(store), "a=1");
      await commit(store, "a=3");
    });
  });

  test(`${name}: a transaction cannot be used after its fn has ended`, async () => {
    await create(async ({ store }) => {
      let leaked: Transaction | null = null;
      await store.transact(async (transaction) => {
        leaked = transaction;
      });
      await checkEnded(leaked);
      const failing = store.transact(async (transaction) => {
        leaked = transaction;
        throw new RangeError("as the test wants");
      });
      await assert.rejects(failing, RangeError);
      await checkEnded(leaked);
      assert.equal(await contents(store), "");
    });
  });

  test(`${name}: a released snapshot is closed, twice is once`, async () => {
    await create(async ({ store }) => {
      const snapshot = await store.snapshot();
      snapshot.release();
      snapshot.release();
      await rejectsWith("closed", snapshot.get(key("a")));
      await rejectsWith("closed", snapshot.getMany([key("a")]));
      await rejectsWith("closed", snapshot.scan(range(".."), { limit: 1 }));
    });
  });
}

async function checkEnded(transaction: Transaction | null): Promise<void> {
  assert.ok(transaction !== null);
  throwsWith("closed", () => transaction.put(key("a"), key("1")));
  throwsWith("closed", () => transaction.delete(key("a")));
  await rejectsWith("closed", transaction.lock([key("a")]));
  await rejectsWith("closed", transaction.get(key("a")));
  await rejectsWith("closed", transaction.getMany([key("a")]));
  await rejectsWith("closed", transaction.scan(range(".."), { limit: 1 }));
}

function stores(name: string, create: WithStore): void {
  test(`${name}: close waits for what is under way and refuses what is new`, async () => {
    await create(async ({ store }) => {
      const gate = createGate();
      let ended = false;
      const transacting = store
        .transact(async (transaction) => {
          await gate.opened;
          write(transaction, "a=1");
          return get(transaction, "a");
        })
        .finally(() => {
          ended = true;
        });
      const closing = store.close().then(() => assert.equal(ended, true));
      await rejectsWith(
        "closed",
        store.transact(async () => undefined),
      );
      await rejectsWith("closed", store.snapshot());
      gate.open();
      assert.equal(committed(await transacting).value, "1");
      await closing;
      await store.close();
    });
  });
}
