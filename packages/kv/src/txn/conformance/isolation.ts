// Snapshot isolation: what a transaction sees, which of two writers wins, and what `lock` adds to
// it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { WithStore } from "../conformance.ts";
import { attemptsMax, type Store, type Transaction } from "../txn.ts";
import {
  commit,
  committed,
  contents,
  get,
  increment,
  key,
  race,
  raceRounds,
  range,
  scan,
  text,
  write,
} from "./text.ts";

export function isolationConformance(name: string, create: WithStore): void {
  views(name, create);
  conflicts(name, create);
  tries(name, create);
  skew(name, create);
  timestamps(name, create);
}

function views(name: string, create: WithStore): void {
  test(`${name}: a snapshot stays as it was`, async () => {
    await create(async ({ store }) => {
      await commit(store, "a=1 b=1 c=1");
      const before = await store.snapshot();
      await commit(store, "a=2 b d=2");
      assert.equal(await scan(before, ".."), "a=1 b=1 c=1");
      assert.equal(await scan(before, "..", { reverse: true }), "c=1 b=1 a=1");
      assert.equal(await get(before, "b"), "1");
      assert.equal(await contents(store), "a=2 c=1 d=2");
      before.release();
    });
  });

  test(`${name}: a snapshot of an older moment sees that moment`, async () => {
    await create(async ({ store }) => {
      const moments: bigint[] = [];
      for (const pairs of ["a=1", "a=2 b=2", "a", "a=4"]) moments.push(await commit(store, pairs));
      const expected = ["a=1", "a=2 b=2", "b=2", "a=4 b=2"];
      for (const [index, at] of moments.entries()) {
        const snapshot = await store.snapshot(at);
        assert.equal(snapshot.startTs, at);
        assert.equal(await scan(snapshot, ".."), expected[index]);
        snapshot.release();
        const justBefore = await store.snapshot(at - 1n);
        assert.equal(await scan(justBefore, ".."), expected[index - 1] ?? "");
        justBefore.release();
      }
    });
  });

  test(`${name}: what a snapshot saw is seen again at its timestamp`, async () => {
    await create(async ({ store }) => {
      const writing = Array.from({ length: 40 }, (_, index) =>
        commit(store, `k=${index} l${index}=1`),
      );
      const snapshots = await Promise.all(Array.from({ length: 10 }, () => store.snapshot()));
      const seen = await Promise.all(snapshots.map((each) => scan(each, "..")));
      await Promise.all(writing);
      for (const [index, each] of snapshots.entries()) {
        assert.equal(await scan(each, ".."), seen[index]);
        const again = await store.snapshot(each.startTs);
        assert.equal(await scan(again, ".."), seen[index]);
        again.release();
        each.release();
      }
    });
  });

  test(`${name}: nothing of a transaction is seen before its commit, all of it after`, async () => {
    await create(async ({ store }) => {
      const first = async (transaction: Transaction): Promise<void> => {
        write(transaction, "a=1 b=1");
      };
      await race(store, first, async () => assert.equal(await contents(store), ""));
      assert.equal(await contents(store), "a=1 b=1");
    });
  });

  test(`${name}: a transaction sees all that was committed before it started`, async () => {
    await create(async ({ store }) => {
      for (let count = 0; count < 30; count++) {
        await commit(store, `n=${count}`);
        const { value } = committed(await store.transact((transaction) => get(transaction, "n")));
        assert.equal(value, String(count));
      }
    });
  });

  test(`${name}: of a key with many versions every one is found at its moment`, async () => {
    await create(async ({ store }) => {
      const moments: bigint[] = [];
      for (let count = 0; count < 150; count++) {
        moments.push(await commit(store, count % 7 === 3 ? "k" : `k=${count}`));
      }
      await commit(store, "j=1 l=1");
      for (const index of [0, 3, 75, 149]) {
        const snapshot = await store.snapshot(moments[index]);
        const expected = index % 7 === 3 ? null : String(index);
        assert.equal(await get(snapshot, "k"), expected);
        assert.equal(await scan(snapshot, ".."), expected === null ? "" : `k=${expected}`);
        snapshot.release();
      }
      const newest = await store.snapshot();
      assert.equal(await scan(newest, ".."), "j=1 k=149 l=1");
      assert.equal(await scan(newest, "..", { reverse: true }), "l=1 k=149 j=1");
      newest.release();
    });
  });
}

function conflicts(name: string, create: WithStore): void {
  const check = (
    what: string,
    first: (transaction: Transaction) => Promise<void>,
    expected: { readonly other: (store: Store) => Promise<unknown>; readonly runs: number },
  ): void => {
    test(`${name}: ${what}`, async () => {
      await create(async ({ store }) => {
        await commit(store, "a=0 b=0");
        assert.equal(await race(store, first, () => expected.other(store)), expected.runs);
      });
    });
  };
  const put = async (transaction: Transaction): Promise<void> => write(transaction, "a=1");
  const remove = async (transaction: Transaction): Promise<void> => write(transaction, "a");
  const lock = (transaction: Transaction): Promise<void> => transaction.lock([key("a")]);
  const readOnly = async (transaction: Transaction): Promise<void> => {
    await get(transaction, "a");
  };
  const readAndPutB = async (transaction: Transaction): Promise<void> => {
    await get(transaction, "a");
    write(transaction, "b=1");
  };
  const otherPuts = (store: Store) => commit(store, "a=2");
  const otherDeletes = (store: Store) => commit(store, "a");
  const otherLocks = (store: Store) => store.transact(lock);
  const otherReads = (store: Store) => store.transact(readOnly);

  check("a put behind a put runs again", put, { other: otherPuts, runs: 2 });
  check("a put behind a delete runs again", put, { other: otherDeletes, runs: 2 });
  check("a put behind a lock runs again", put, { other: otherLocks, runs: 2 });
  check("a delete behind a put runs again", remove, { other: otherPuts, runs: 2 });
  check("a lock behind a put runs again", lock, { other: otherPuts, runs: 2 });
  check("a lock behind a lock runs again", lock, { other: otherLocks, runs: 2 });
  check("a put behind a read does not", put, { other: otherReads, runs: 1 });
  check("a read behind a put does not", readOnly, { other: otherPuts, runs: 1 });
  check("what was only read does not conflict", readAndPutB, { other: otherPuts, runs: 1 });
  check("other keys do not conflict", put, { other: (store) => commit(store, "b=2"), runs: 1 });
}

function tries(name: string, create: WithStore): void {
  test(`${name}: a transaction that runs again sees what beat it`, async () => {
    await create(async ({ store }) => {
      await commit(store, "n=1");
      const seen: (string | null)[] = [];
      const increment = async (transaction: Transaction): Promise<void> => {
        const value = await get(transaction, "n");
        seen.push(value);
        write(transaction, `n=${Number(value) + 1}`);
      };
      await race(store, increment, () => commit(store, "n=10"));
      assert.deepEqual(seen, ["1", "10"]);
      assert.equal(await contents(store), "n=11");
    });
  });

  test(`${name}: after ${attemptsMax} lost tries the outcome is contended`, async () => {
    await create(async ({ store }) => {
      let commits = 0;
      const { outcome, runs } = await raceRounds(store, attemptsMax, {
        first: async (transaction) => write(transaction, "mine=1 n=-1"),
        other: () => commit(store, `n=${++commits}`),
      });
      assert.deepEqual(outcome, { type: "contended" });
      assert.equal(runs, attemptsMax);
      assert.equal(await contents(store), `n=${attemptsMax}`);
    });
  });

  test(`${name}: parallel increments of one key lose none`, async () => {
    await create(async ({ store }) => {
      await commit(store, "n=0");
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => store.transact((transaction) => increment(transaction))),
      );
      const won = outcomes.filter((outcome) => outcome.type === "committed").length;
      assert.ok(won > 0);
      assert.equal(await contents(store), `n=${won}`);
    });
  });
}

function skew(name: string, create: WithStore): void {
  /** Two doctors are on call; each leaves if another one stays. */
  const leave = async (
    store: Store,
    who: string,
    locked: boolean,
    other?: () => Promise<unknown>,
  ): Promise<void> => {
    const body = async (transaction: Transaction): Promise<void> => {
      if (locked) await transaction.lock([key("on/a"), key("on/b")]);
      const onCall = await transaction.scan(range("on/..on0"), { limit: 10 });
      if (onCall.length > 1) write(transaction, `on/${who}`);
    };
    if (other === undefined) committed(await store.transact(body));
    else await race(store, body, other);
  };

  test(`${name}: what is only read can be written beside (write skew)`, async () => {
    await create(async ({ store }) => {
      await commit(store, "on/a=1 on/b=1");
      await leave(store, "a", false, () => leave(store, "b", false));
      assert.equal(await contents(store), "");
    });
  });

  test(`${name}: locks on what is read keep the write skew out`, async () => {
    await create(async ({ store }) => {
      await commit(store, "on/a=1 on/b=1");
      await leave(store, "a", true, () => leave(store, "b", true));
      assert.equal(await contents(store), "on/a=1");
    });
  });

  test(`${name}: a lock changes no value and creates none`, async () => {
    await create(async ({ store }) => {
      await commit(store, "a=1");
      const lock = (transaction: Transaction) => transaction.lock([key("a"), key("none")]);
      const { commitTs } = committed(await store.transact(lock));
      assert.notEqual(commitTs, null);
      const snapshot = await store.snapshot();
      const many = await snapshot.getMany([key("a"), key("none")]);
      assert.deepEqual(many.map(text), ["1", null]);
      assert.equal(await scan(snapshot, ".."), "a=1");
      assert.equal(await scan(snapshot, "..", { reverse: true }), "a=1");
      snapshot.release();
    });
  });
}

function timestamps(name: string, create: WithStore): void {
  test(`${name}: start timestamps differ, rise, and lie below the commit's`, async () => {
    await create(async ({ store }) => {
      const run = () =>
        store.transact(async (transaction) => {
          write(transaction, `k${transaction.startTs}=1`);
          return transaction.startTs;
        });
      let before = 0n;
      for (let round = 0; round < 5; round++) {
        const outcomes = (await Promise.all([run(), run(), run(), run()])).map(committed);
        for (const { value, commitTs } of outcomes) {
          assert.ok(value > before, "starts after what was committed before it");
          assert.ok(commitTs !== null && commitTs > value);
        }
        assert.equal(new Set(outcomes.map((outcome) => outcome.value)).size, 4);
        for (const { commitTs } of outcomes) {
          if (commitTs !== null && commitTs > before) before = commitTs;
        }
      }
      assert.equal((await contents(store)).split(" ").length, 20);
    });
  });

  test(`${name}: a transaction without writes commits without a timestamp`, async () => {
    await create(async ({ store }) => {
      const outcome = await store.transact(async (transaction) => get(transaction, "a"));
      assert.deepEqual(outcome, { type: "committed", value: null, commitTs: null });
    });
  });
}
