// Hot locks: a line before keys that many write, and what its holder is spared.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { WithStore } from "../conformance.ts";
import type { Outcome, Store, Transaction } from "../txn.ts";
import {
  commit,
  committed,
  contents,
  createGate,
  get,
  increment,
  key,
  text,
  write,
} from "./text.ts";

export function hotLockConformance(name: string, create: WithStore): void {
  lines(name, create);
  holders(name, create);
}

function lines(name: string, create: WithStore): void {
  test(`${name}: 50 parallel increments behind a hot lock all commit, each run once`, async () => {
    await create(async ({ store }) => {
      await commit(store, "n=0");
      let runs = 0;
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, () =>
          store.transact(async (transaction) => {
            runs += 1;
            await transaction.lock([key("n")], { hot: true });
            return increment(transaction);
          }),
        ),
      );
      const values = outcomes.map((outcome) => committed(outcome).value);
      assert.deepEqual(
        values.sort((a, b) => a - b),
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
      assert.equal(runs, 50);
      assert.equal(await contents(store), "n=50");
    });
  });

  test(`${name}: hot locks of several keys in any order never wait in a circle`, async () => {
    await create(async ({ store }) => {
      await commit(store, "x=0 y=0");
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.transact(async (transaction) => {
            const keys = index % 2 === 0 ? ["x", "y", "x"] : ["y", "x"];
            await transaction.lock(
              keys.map((each) => key(each)),
              { hot: true },
            );
            const [x, y] = (await transaction.getMany([key("x"), key("y")])).map(text);
            write(transaction, `x=${Number(x) + 1} y=${Number(y) + 1}`);
          }),
        ),
      );
      for (const outcome of outcomes) committed(outcome);
      assert.equal(await contents(store), "x=20 y=20");
    });
  });

  test(`${name}: a hot lock is let go when its transaction fails`, async () => {
    await create(async ({ store }) => {
      const hot = (fails: boolean) =>
        store.transact(async (transaction) => {
          await transaction.lock([key("n")], { hot: true });
          if (fails) throw new RangeError("as the test wants");
          write(transaction, "n=1");
        });
      await assert.rejects(hot(true), RangeError);
      committed(await hot(false));
      assert.equal(await contents(store), "n=1");
    });
  });
}

function holders(name: string, create: WithStore): void {
  const others: Readonly<Record<string, (transaction: Transaction) => Promise<void>>> = {
    "a put": async (transaction) => write(transaction, "n=other"),
    "a delete": async (transaction) => write(transaction, "n"),
    "a lock": (transaction) => transaction.lock([key("n")]),
    "a put among others": async (transaction) => write(transaction, "m=other n=other o=other"),
  };
  for (const [what, other] of Object.entries(others)) {
    test(`${name}: ${what} without a place in line does not beat the holder`, async () => {
      await create(async ({ store }) => {
        await commit(store, "n=0");
        const race = await holdAgainst(store, other, async (transaction) => {
          write(transaction, "n=mine");
        });
        for (const outcome of await Promise.all([race.holding, race.writing])) committed(outcome);
        assert.deepEqual([race.holder.runs, race.plain.runs], [1, 2]);
      });
    });
  }

  test(`${name}: nor does what was under way before the hot lock`, async () => {
    await create(async ({ store }) => {
      const began = createGate();
      const isHeld = createGate();
      const hasWritten = createGate();
      const plain = counted(async (transaction) => {
        await get(transaction, "n");
        began.open();
        await isHeld.opened;
        write(transaction, "n=other");
        hasWritten.open();
      });
      const writing = store.transact(plain.fn);
      await began.opened;
      const holder = counted(async (transaction) => {
        await transaction.lock([key("n")], { hot: true });
        isHeld.open();
        await hasWritten.opened;
        write(transaction, `n=${await get(transaction, "n")}`);
      });
      committed(await store.transact(holder.fn));
      committed(await writing);
      assert.deepEqual([holder.runs, plain.runs], [1, 2]);
      assert.equal(await contents(store), "n=other");
    });
  });

  test(`${name}: behind a holder that rolls back a write without a place is committed`, async () => {
    await create(async ({ store }) => {
      const other = async (transaction: Transaction): Promise<void> =>
        write(transaction, "n=other");
      const race = await holdAgainst(store, other, async () => {
        throw new RangeError("as the test wants");
      });
      await Promise.all([assert.rejects(race.holding, RangeError), race.writing.then(committed)]);
      assert.equal(await contents(store), "n=other");
    });
  });

  test(`${name}: plain writers that never rest cost a holder no run`, async () => {
    await create(async ({ store, pass }) => {
      await commit(store, "n=0");
      let isOver = false;
      const hammer = async (id: number): Promise<void> => {
        while (!isOver) {
          await store.transact(async (transaction) => write(transaction, `n=${id}000`));
          await pass(1);
        }
      };
      const hammering = Array.from({ length: 6 }, (_, id) => hammer(id));
      for (let round = 0; round < 20; round += 1) {
        const holder = counted(async (transaction) => {
          await transaction.lock([key("n")], { hot: true });
          const before = await increment(transaction);
          await pass(3);
          assert.equal((await increment(transaction)) - before, 1);
        });
        committed(await store.transact(holder.fn));
        assert.equal(holder.runs, 1);
      }
      isOver = true;
      await Promise.all(hammering);
    });
  });

  test(`${name}: holders that write each other's keys do not wait for each other`, async () => {
    await create(async ({ store }) => {
      const gates = { x: createGate(), y: createGate() };
      const hold = (held: "x" | "y", written: "x" | "y"): Promise<Outcome<void>> =>
        store.transact(async (transaction) => {
          await transaction.lock([key(held)], { hot: true });
          gates[held].open();
          await gates[written].opened;
          write(transaction, `${held}=1 ${written}=1`);
        });
      for (const outcome of await Promise.all([hold("x", "y"), hold("y", "x")])) committed(outcome);
    });
  });
}

/** `other` comes to its end while `n` is held; only then is the holder let go on. */
async function holdAgainst(
  store: Store,
  other: (transaction: Transaction) => Promise<void>,
  goOn: (transaction: Transaction) => Promise<void>,
) {
  const isHeld = createGate();
  const hasWritten = createGate();
  const holder = counted(async (transaction) => {
    await transaction.lock([key("n")], { hot: true });
    isHeld.open();
    await hasWritten.opened;
    await goOn(transaction);
  });
  const plain = counted(async (transaction) => {
    await other(transaction);
    hasWritten.open();
  });
  const holding = store.transact(holder.fn);
  await isHeld.opened;
  return { holder, plain, holding, writing: store.transact(plain.fn) };
}

/** Counts how often a transaction ran. */
function counted(body: (transaction: Transaction) => Promise<void>) {
  const each = {
    runs: 0,
    fn: (transaction: Transaction): Promise<void> => {
      each.runs += 1;
      return body(transaction);
    },
  };
  return each;
}
