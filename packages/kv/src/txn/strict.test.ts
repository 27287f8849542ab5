// The strict twin with its injections on: each does what its rate says, none breaks what the
// contract promises, and misuse is found.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { openEmbeddedStore } from "../embedded/embedded.ts";
import { createMemoryEngine } from "../engine/memory.ts";
import {
  commit,
  committed,
  contents,
  get,
  key,
  rejectsWith,
  scan,
  write,
} from "./conformance/text.ts";
import { createStrictStore, type StrictRates, strictCalm, strictStorm } from "./strict.ts";
import { attemptsMax, type Outcome, type Store, StoreError, type Transaction } from "./txn.ts";

interface Twin {
  readonly world: SimulatedWorld;
  readonly strict: Store;
  /** What the strict one wraps: tells the truth. */
  readonly inner: Store;
}

async function withTwin(
  seed: number,
  rates: Partial<StrictRates>,
  body: (twin: Twin) => Promise<void>,
): Promise<void> {
  const world = createSimulatedWorld(seed);
  const run = async (): Promise<void> => {
    const engine = createMemoryEngine(world.env, {});
    const inner = await openEmbeddedStore(world.env, { engine }, {});
    const strict = createStrictStore(world.env, inner, { ...strictCalm, ...rates });
    await body({ world, strict, inner });
    await strict.close();
  };
  await world.drive(run());
}

test("conflict: fn runs again and only the last run's writes are there", async () => {
  await withTwin(1, { conflict: 0.5 }, async ({ strict, inner }) => {
    let runs = 0;
    let contended = 0;
    for (let count = 0; count < 100; count++) {
      const outcome = await strict.transact(async (transaction) => {
        runs += 1;
        write(transaction, `k/${count}/${runs}=1`);
      });
      if (outcome.type === "contended") contended += 1;
    }
    assert.ok(runs > 150, `${runs} runs`);
    const found = (await contents(inner)).split(" ");
    assert.equal(found.length, 100 - contended);
    assert.equal(new Set(found.map((entry) => entry.split("/")[1])).size, found.length);
  });
});

test(`a rate of one loses ${attemptsMax} times`, async () => {
  for (const rates of [{ conflict: 1 }, { contended: 1 }]) {
    await withTwin(1, rates, async ({ strict, inner }) => {
      let runs = 0;
      const outcome = await strict.transact(async (transaction) => {
        runs += 1;
        write(transaction, "a=1");
      });
      assert.deepEqual(outcome, { type: "contended" });
      assert.equal(runs, attemptsMax);
      assert.equal(await contents(inner), "");
    });
  }
});

test("real and injected conflicts together are no more tries than the contract has", async () => {
  await withTwin(7, { conflict: 0.3 }, async ({ strict }) => {
    await commit(strict, "n=0");
    let runsMax = 0;
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async () => {
        let runs = 0;
        const outcome = await strict.transact(async (transaction) => {
          runs += 1;
          runsMax = Math.max(runsMax, runs);
          write(transaction, `n=${Number(await get(transaction, "n")) + 1}`);
        });
        return outcome.type;
      }),
    );
    const won = outcomes.filter((type) => type === "committed").length;
    assert.equal(await contents(strict), `n=${won}`);
    assert.ok(runsMax <= attemptsMax);
  });
});

test("too-old: nothing is written, and reads alone can be too old as well", async () => {
  await withTwin(1, { tooOld: 1 }, async ({ strict, inner }) => {
    await rejectsWith("too-old", commit(strict, "a=1"));
    await rejectsWith(
      "too-old",
      strict.transact((transaction) => get(transaction, "a")),
    );
    assert.equal(await contents(inner), "");
  });
});

test("snapshot-too-old: only snapshots of an older moment", async () => {
  await withTwin(1, { snapshotTooOld: 1 }, async ({ strict }) => {
    const at = await commit(strict, "a=1");
    await rejectsWith("snapshot-too-old", strict.snapshot(at));
    assert.equal(await contents(strict), "a=1");
  });
});

test("undetermined: some are committed, some are not, some are later", async () => {
  const fates = { now: 0, later: 0, never: 0 };
  await withTwin(3, { undetermined: 1, lateCommitMsMax: 100 }, async ({ world, strict, inner }) => {
    for (let count = 0; count < 60; count++) {
      const put = async (transaction: Transaction): Promise<void> =>
        write(transaction, `k${count}=1`);
      assert.deepEqual(await strict.transact(put), { type: "undetermined" });
      const isThere = async (): Promise<boolean> => (await contents(inner)).includes(`k${count}=1`);
      if (await isThere()) fates.now += 1;
      else {
        await world.env.clock.sleep(200);
        if (await isThere()) fates.later += 1;
        else fates.never += 1;
      }
    }
    const reads = await strict.transact((transaction) => get(transaction, "k0"));
    assert.equal(reads.type, "committed", "what wrote nothing is never undetermined");
  });
  for (const [fate, count] of Object.entries(fates)) assert.ok(count > 5, `${fate}: ${count}`);
});

test("a late commit loses to whoever wrote its keys in between", async () => {
  await withTwin(5, { undetermined: 1, lateCommitMsMax: 100 }, async ({ world, strict, inner }) => {
    for (let count = 0; count < 40; count++) {
      const put = async (transaction: Transaction): Promise<void> => write(transaction, "k=late");
      await strict.transact(put);
      await commit(inner, "k=after");
      await world.env.clock.sleep(200);
      assert.equal(await contents(inner), "k=after");
    }
  });
});

test("close waits for late commits", async () => {
  await withTwin(5, { undetermined: 1, lateCommitMsMax: 5000 }, async ({ world, strict }) => {
    for (let count = 0; count < 10; count++) {
      await strict.transact(async (transaction) => write(transaction, `k${count}=1`));
    }
    const startMs = world.nowMs();
    await strict.close();
    assert.ok(world.nowMs() > startMs);
  });
});

test("locked reads take their time and find the same", async () => {
  const rates = { lockedRead: 0.5, lockedReadMsMax: 300 };
  await withTwin(1, rates, async ({ world, strict }) => {
    await commit(strict, "a=1 b=2");
    const snapshot = await strict.snapshot();
    const startMs = world.nowMs();
    for (let count = 0; count < 10; count++) {
      assert.equal(await get(snapshot, "a"), "1");
      assert.equal(await scan(snapshot, ".."), "a=1 b=2");
      assert.equal((await snapshot.getMany([key("b")])).length, 1);
    }
    snapshot.release();
    assert.ok(world.nowMs() - startMs > 500);
  });
});

for (let seed = 1; seed <= 20; seed++) {
  test(`seed ${seed}: in a storm every outcome tells the truth`, async () => {
    await withTwin(seed, strictStorm, async ({ world, strict, inner }) => {
      await commit(inner, "list=");
      const tell = async (id: string): Promise<readonly [string, string]> => {
        await world.env.clock.sleep(world.env.random.int(2000));
        return [id, await append(strict, id)];
      };
      const told = await Promise.all(Array.from({ length: 40 }, (_, id) => tell(`.${id}.`)));
      await world.env.clock.sleep(1000);
      const list = await contents(inner);
      for (const [id, outcome] of told) {
        const times = list.split(id).length - 1;
        if (outcome === "committed") assert.equal(times, 1, `${id} was acknowledged`);
        else if (outcome === "undetermined") assert.ok(times <= 1);
        else assert.equal(times, 0, `${id} was ${outcome}`);
      }
    });
  });
}

/** Puts the id, which has a dot at each end, behind the others. */
async function append(store: Store, id: string): Promise<Outcome<void>["type"] | "too-old"> {
  try {
    const outcome = await store.transact(async (transaction) => {
      const list = await get(transaction, "list");
      write(transaction, `list=${list}${id}`);
    });
    return outcome.type;
  } catch (error) {
    if (error instanceof StoreError && error.code === "too-old") return "too-old";
    throw error;
  }
}

const misuses: Record<string, { body: (store: Store) => Promise<unknown>; expected: RegExp }> = {
  "a value that changes after it was put": {
    body: (store) =>
      store.transact(async (transaction) => {
        const value = Buffer.from("1");
        transaction.put(key("a"), value);
        value.fill(0);
      }),
    expected: /bytes changed/,
  },
  "a key that changes after it was locked": {
    body: (store) =>
      store.transact(async (transaction) => {
        const locked = Buffer.from("a");
        await transaction.lock([locked]);
        locked.fill(0);
      }),
    expected: /bytes changed/,
  },
  "a read under way when fn ends": {
    body: (store) =>
      store.transact(async (transaction) => {
        transaction.get(key("a")).catch(() => undefined);
      }),
    expected: /1 reads under way/,
  },
  "a transaction inside a transaction": {
    body: (store) => store.transact(() => store.transact(async () => undefined)),
    expected: /inside a transaction's fn/,
  },
  "a snapshot inside a transaction": {
    body: (store) =>
      store.transact(async () => {
        await Promise.resolve();
        await store.snapshot();
      }),
    expected: /inside a transaction's fn/,
  },
  "a snapshot that nobody released": {
    body: async (store) => {
      await store.snapshot();
      await store.close();
    },
    expected: /1 snapshots were not released/,
  },
};

for (const [what, { body, expected }] of Object.entries(misuses)) {
  test(`${what} is found`, async () => {
    const world = createSimulatedWorld(1);
    const engine = createMemoryEngine(world.env, {});
    const inner = await world.drive(openEmbeddedStore(world.env, { engine }, {}));
    const strict = createStrictStore(world.env, inner, strictCalm);
    await world.drive(assert.rejects(body(strict), expected));
  });
}

test("an fn that throws may leave reads behind", async () => {
  await withTwin(1, {}, async ({ strict }) => {
    const body = async (transaction: Transaction): Promise<void> => {
      const failing = Promise.reject(new RangeError("as the test wants"));
      await Promise.all([transaction.get(key("a")), failing]);
    };
    await assert.rejects(strict.transact(body), RangeError);
  });
});

test("what is read of own writes are the bytes as they were put", async () => {
  await withTwin(1, {}, async ({ strict }) => {
    const outcome = await strict.transact(async (transaction) => {
      write(transaction, "a=1");
      return [await get(transaction, "a"), await scan(transaction, "..")];
    });
    assert.deepEqual(committed(outcome).value, ["1", "a=1"]);
  });
});
