// The embedded store beyond the contract: the records it leaves, its format, failures of the disk,
// what readers wait for, and its bounds.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { errorCode } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { composeTimestamp } from "../core/index.ts";
import { type Engine, families } from "../engine/engine.ts";
import { createMemoryEngine, type MemoryEngine } from "../engine/memory.ts";
import { createWriteBatch } from "../engine/write-batch.ts";
import {
  commit,
  committed,
  contents,
  get,
  key,
  rejectsWith,
  write,
} from "../txn/conformance/text.ts";
import { commitBytesMax } from "./commit-room.ts";
import { openEmbeddedStore, transactionsOpenMax } from "./embedded.ts";
import { formatKey } from "./local-records.ts";
import { withSimulatedStore } from "./testing/simulated-store.ts";

const goldenFile = new URL("testdata/records.txt", import.meta.url);

test("commits leave the records of a cluster node, byte for byte, but none of locks", async () => {
  const parts: string[] = [];
  const check = async (title: string, script: readonly string[]): Promise<void> => {
    await withSimulatedStore({}, async ({ world, engine, store }) => {
      for (const pairs of script) {
        await store.transact(async (transaction) => {
          for (const part of pairs.split(" ")) {
            if (part.startsWith("lock:")) await transaction.lock([key(part.slice(5))]);
            else write(transaction, part);
          }
        });
        await world.env.clock.sleep(1);
      }
      parts.push(`# ${title}\n${script.join("\n")}\n----\n${await dump(engine)}`);
    });
  };
  await check("a short value lies in the record", ["a=1"]);
  await check("an empty value", ["a="]);
  await check("255 bytes still do, 256 lie in the default family", [
    `short=${"s".repeat(255)}`,
    `long=${"l".repeat(256)}`,
  ]);
  await check("a delete, and a lock, which leaves nothing", ["a=1", "a", "lock:a"]);
  await check("several keys of one commit", ["b=2 a=1 lock:c d"]);
  await check("keys longer than a group", ["12345678=8 123456789=9"]);
  const found = `${parts.join("\n\n")}\n`;
  if (process.env["SAMPAN_REWRITE"] === "1") writeFileSync(goldenFile, found);
  assert.equal(found, readFileSync(goldenFile, "utf8"));
});

/** All families, keys and values in hexadecimal. */
async function dump(engine: Engine): Promise<string> {
  const lines: string[] = [];
  for (const family of families) {
    const iterator = engine.iterate(family, {
      lower: Buffer.alloc(0),
      upper: null,
      reverse: false,
      snapshot: null,
    });
    while (await iterator.next()) {
      lines.push(`${family} ${iterator.key.toString("hex")} ${iterator.value.toString("hex")}`);
    }
    iterator.close();
  }
  return lines.join("\n");
}

test("a store of a newer format is refused, and both versions are named", async () => {
  await withEngine(async (engine, open) => {
    await put(engine, formatKey, Buffer.of(0, 0, 0, 7));
    await assert.rejects(open(), (error) => {
      assert.equal(errorCode(error), "format-newer");
      assert.match(String(error), /format 7, .* up to 1$/);
      return true;
    });
  });
});

test("data without a format, and a malformed format, are refused", async () => {
  const check = async (record: Buffer, value: Buffer, code: string): Promise<void> => {
    await withEngine(async (engine, open) => {
      await put(engine, record, value);
      await assert.rejects(open(), (error) => errorCode(error) === code);
    });
  };
  await check(Buffer.of(1, 1), Buffer.of(1), "format-unknown");
  await check(formatKey, Buffer.of(1), "corrupt");
  await check(formatKey, Buffer.of(0, 0, 0, 0), "corrupt");
});

async function withEngine(
  body: (engine: MemoryEngine, open: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const world = createSimulatedWorld(1);
  const engine = createMemoryEngine(world.env, {});
  await world.drive(body(engine, () => openEmbeddedStore(world.env, { engine }, {})));
}

function put(engine: Engine, record: Buffer, value: Buffer): Promise<void> {
  const batch = createWriteBatch();
  batch.put("raft", record, value);
  return engine.write(batch, { sync: true });
}

test("a store opens again with what it had, and its time goes on", async () => {
  await withSimulatedStore({}, async ({ world, engine, store }) => {
    const before = await commit(store, "a=1 b=2");
    await store.close();
    await engine.close();
    const again = engine.reopen();
    const reopened = await openEmbeddedStore(world.env, { engine: again }, {});
    assert.equal(await contents(reopened), "a=1 b=2");
    assert.ok((await commit(reopened, "a=2")) > before);
    await reopened.close();
  });
});

test("values kept from reads are never older than their reader's moment", async () => {
  await withSimulatedStore({}, async ({ world, engine, store }) => {
    const times = [await commit(store, "a=1"), await commit(store, "a=2")];
    await store.close();
    await engine.close();
    const reopened = await openEmbeddedStore(world.env, { engine: engine.reopen() }, {});
    const check = async (at: bigint | undefined, expected: string): Promise<void> => {
      const snapshot = await reopened.snapshot(at);
      for (let count = 0; count < 8; count++) assert.equal(await get(snapshot, "a"), expected);
      snapshot.release();
    };
    await check(times[0], "1");
    await check(undefined, "2");
    await check(times[0], "1");
    const before = await reopened.snapshot();
    await commit(reopened, "a=3");
    await check(undefined, "3");
    await check(before.startTs, "2");
    assert.equal(await get(before, "a"), "2");
    before.release();
    await reopened.close();
  });
});

test("reads go on while others wait for the disk, each with an iterator of its own", async () => {
  const engine = { delayMsMax: 5, readsPerWait: 3 };
  await withSimulatedStore({ engine, store: { valueCacheBytes: 0 } }, async ({ store }) => {
    const names = Array.from({ length: 30 }, (_, index) => `k${index}`);
    await commit(store, names.map((name) => `${name}=0`).join(" "));
    let round = 0;
    const writing = async (): Promise<void> => {
      for (round = 1; round < 20; round++) {
        await commit(store, names.map((name) => `${name}=${round}`).join(" "));
      }
    };
    const reading = async (name: string): Promise<void> => {
      while (round < 20) {
        const atLeast = round - 1;
        const snapshot = await store.snapshot();
        const value = Number(await get(snapshot, name));
        assert.ok(value >= atLeast, `${name} is ${value} after ${atLeast} was acknowledged`);
        snapshot.release();
      }
    };
    await Promise.all([writing(), ...names.map(reading)]);
  });
});

test("a read waits for the commits of its keys that are under way, and for no others", async () => {
  const engine = { delayMsMax: 50 };
  await withSimulatedStore({ engine }, async ({ world, store }) => {
    await commit(store, "a=0 b=0");
    const committing = commit(store, "a=1");
    while (store.stats().commitsPending === 0) await Promise.resolve();
    const snapshot = await store.snapshot();
    const startMs = world.nowMs();
    assert.equal(await get(snapshot, "b"), "0");
    assert.equal((await snapshot.scan({ start: key("b"), end: null }, { limit: 1 })).length, 1);
    assert.equal(world.nowMs(), startMs);
    assert.equal(await get(snapshot, "a"), "1");
    assert.ok(world.nowMs() > startMs);
    assert.ok((await committing) < snapshot.startTs);
    snapshot.release();
  });
});

test("commits of different keys, and blind ones of one key, share the disk's time", async () => {
  const engine = { delayMsMax: 10 };
  await withSimulatedStore({ engine }, async ({ world, store }) => {
    const startMs = world.nowMs();
    const names = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? "k" : `k${index}`));
    await Promise.all(
      names.map((name) => store.transact(async (each) => write(each, `${name}=1`))),
    );
    assert.ok(world.nowMs() - startMs < 200, `${world.nowMs() - startMs} ms for 100 commits`);
  });
});

for (const code of ["disk-full", "io"] as const) {
  test(`${code}: commits under way are undetermined, later ones refused, reads go on`, async () => {
    await withSimulatedStore({ engine: { delayMsMax: 5 } }, async ({ world, engine, store }) => {
      world.expectError(/a write failed/);
      await commit(store, "a=1 b=1");
      engine.failNextWrite(code);
      const attempts = ["a=2", "c=2"].map((pairs) =>
        store.transact(async (transaction) => write(transaction, pairs)),
      );
      for (const attempt of attempts) assert.equal((await attempt).type, "undetermined");
      assert.equal(store.stats().hasFailed, true);
      await assert.rejects(commit(store, "d=1"), (error) => errorCode(error) === code);
      const snapshot = await store.snapshot();
      assert.equal(await get(snapshot, "b"), "1");
      await assert.rejects(get(snapshot, "a"), (error) => errorCode(error) === "io");
      await assert.rejects(contents(store), (error) => errorCode(error) === "io");
      snapshot.release();
      const outcome = await store.transact((transaction) => get(transaction, "b"));
      assert.equal(committed(outcome).value, "1");
      await store.close();
      const restarted = engine.crash(world.env.random);
      const reopened = await openEmbeddedStore(world.env, { engine: restarted }, {});
      assert.match(await contents(reopened), /^a=[12] b=1( c=2)?$/);
      await commit(reopened, "d=1");
      await reopened.close();
    });
  });
}

test("a busy engine has not failed: the commit is tried again, and then goes through", async () => {
  await withSimulatedStore({ engine: { delayMsMax: 5 } }, async ({ engine, store }) => {
    await commit(store, "a=1");
    engine.failNextWrite("busy");
    let runs = 0;
    const outcome = await store.transact(async (transaction) => {
      runs += 1;
      write(transaction, "a=2");
    });
    assert.equal(outcome.type, "committed");
    assert.equal(runs, 2);
    assert.equal(store.stats().hasFailed, false);
    assert.equal(store.stats().commitsPending, 0);
    assert.equal(await contents(store), "a=2");
  });
});

test("an engine that stays busy makes contended transactions, and readers go on", async () => {
  await withSimulatedStore({}, async ({ engine, store }) => {
    await commit(store, "a=1");
    const outcome = await store.transact(async (transaction) => {
      engine.failNextWrite("busy");
      write(transaction, "a=2");
    });
    assert.equal(outcome.type, "contended");
    assert.equal(await contents(store), "a=1");
    await commit(store, "a=3");
  });
});

test("a busy engine neither stops time nor collection", async () => {
  const options = { store: { retentionMs: 100, collectEveryMs: 50 } };
  await withSimulatedStore(options, async ({ engine, store, pass }) => {
    const stop = new AbortController();
    const running = store.run(stop.signal);
    for (let count = 0; count < 30; count++) {
      await commit(store, `a=${count}`);
      engine.failNextWrite("busy");
      await pass(1000);
    }
    stop.abort();
    await running;
    assert.equal(store.stats().hasFailed, false);
    assert.ok(store.safePoint() > 0n);
    await commit(store, "a=1");
  });
});

test("large commits wait for room, in line, and none finds the engine full", async () => {
  await withSimulatedStore({ engine: { delayMsMax: 5 } }, async ({ store }) => {
    const value = Buffer.alloc(4 * 1024 * 1024 - 10);
    let bytesMost = 0;
    const attempts = Array.from({ length: 40 }, async (_, index) => {
      const outcome = await store.transact(async (each) => each.put(key(`k${index}`), value));
      bytesMost = Math.max(bytesMost, store.stats().commitBytes);
      return outcome;
    });
    for (const outcome of await Promise.all(attempts)) assert.equal(outcome.type, "committed");
    assert.ok(bytesMost > 0 && bytesMost <= commitBytesMax, `${bytesMost} bytes`);
    assert.equal(store.stats().commitBytes, 0);
  });
});

test("who waited for room while another took a hot lock does not beat the holder", async () => {
  await withSimulatedStore({ engine: { delayMsMax: 5 } }, async ({ store, pass }) => {
    const value = Buffer.alloc(4 * 1024 * 1024 - 10);
    const filling = Array.from({ length: 20 }, (_, index) =>
      store.transact(async (each) => each.put(key(`k${index}`), value)),
    );
    const runs = { plain: 0, holder: 0 };
    const writing = store.transact(async (transaction) => {
      runs.plain += 1;
      transaction.put(key("n"), value);
    });
    await pass(0);
    assert.ok(store.stats().commitsPending < filling.length);
    const holding = store.transact(async (transaction) => {
      runs.holder += 1;
      await transaction.lock([key("n")], { hot: true });
      await pass(100);
      write(transaction, "n=mine");
    });
    await Promise.all([...filling, writing, holding].map((each) => each.then(committed)));
    assert.equal(runs.holder, 1);
    assert.ok(runs.plain > 1);
  });
});

test("a disk that fails at the very end fails no closing, and time goes on all the same", async () => {
  await withSimulatedStore({}, async ({ world, engine, store }) => {
    world.expectError(/a write failed/);
    const before = await commit(store, "a=1");
    engine.failNextWrite("disk-full");
    await store.close();
    await engine.close();
    const reopened = await openEmbeddedStore(world.env, { engine: engine.reopen() }, {});
    assert.ok((await commit(reopened, "a=2")) > before);
    await reopened.close();
  });
});

test("a store whose engine was closed refuses to commit, nothing is undetermined", async () => {
  await withSimulatedStore({}, async ({ engine, store }) => {
    await engine.close();
    await assert.rejects(commit(store, "a=1"), (error) => errorCode(error) === "closed");
  });
});

test("a hot lock that is not granted in a transaction's time fails with too-old", async () => {
  await withSimulatedStore({}, async ({ store, pass }) => {
    const hold = (ms: number): Promise<unknown> =>
      store.transact(async (transaction) => {
        await transaction.lock([key("n")], { hot: true });
        await pass(ms);
      });
    const holding = [hold(6000), hold(6000)];
    const waiting = store.transact((each) => each.lock([key("n")], { hot: true }));
    await rejectsWith("too-old", waiting);
    await Promise.all(holding);
    assert.equal(store.stats().hotKeys, 0);
    committed(await store.transact((each) => each.lock([key("n")], { hot: true })));
  });
});

test("who holds a hot lock and hangs makes way when its time is over, and commits no more", async () => {
  await withSimulatedStore({}, async ({ world, store, pass }) => {
    const startMs = world.nowMs();
    const hanging = store.transact(async (transaction) => {
      await transaction.lock([key("n")], { hot: true });
      write(transaction, "n=hung");
      await pass(60_000);
    });
    await pass(5000);
    const next = await store.transact(async (transaction) => {
      await transaction.lock([key("n")], { hot: true });
      write(transaction, "n=next");
    });
    assert.equal(next.type, "committed");
    assert.equal(world.nowMs() - startMs, 10_000);
    await rejectsWith("too-old", hanging);
    assert.equal(store.stats().hotKeys, 0);
    assert.equal(await contents(store), "n=next");
  });
});

test("a write without a place in line waits for a holder that hangs, for its time only", async () => {
  await withSimulatedStore({}, async ({ world, store, pass }) => {
    const startMs = world.nowMs();
    const hanging = store.transact(async (transaction) => {
      await transaction.lock([key("n")], { hot: true });
      write(transaction, "n=hung");
      await pass(60_000);
    });
    await pass(5000);
    await commit(store, "n=other");
    assert.equal(world.nowMs() - startMs, 10_000);
    await rejectsWith("too-old", hanging);
    assert.equal(await contents(store), "n=other");
  });
});

test("closing does not wait for ever: what hangs or starts anew then commits nothing", async () => {
  await withSimulatedStore({}, async ({ world, engine, store, pass }) => {
    const hold = (ms: number): Promise<unknown> =>
      store.transact(async (transaction) => {
        await transaction.lock([key("a")], { hot: true });
        write(transaction, "a=1");
        await pass(ms);
      });
    const hanging = hold(60_000);
    await pass(1);
    const inLine = hold(5000);
    const refused = [rejectsWith("too-old", hanging), rejectsWith("closed", inLine)];
    const startMs = world.nowMs();
    await store.close();
    assert.ok(world.nowMs() - startMs <= 10_001, `${world.nowMs() - startMs} ms`);
    await engine.close();
    await Promise.all(refused);
    const reopened = await openEmbeddedStore(world.env, { engine: engine.reopen() }, {});
    assert.equal(await contents(reopened), "");
    await reopened.close();
  });
});

test("while it waits in line a transaction can do nothing else", async () => {
  await withSimulatedStore({}, async ({ store, pass }) => {
    const holding = store.transact(async (transaction) => {
      await transaction.lock([key("n")], { hot: true });
      await pass(10);
    });
    const waiting = store.transact(async (transaction) => {
      const locking = transaction.lock([key("n")], { hot: true });
      await rejectsWith("order", transaction.get(key("n")));
      assert.throws(() => transaction.startTs);
      await locking;
      return transaction.startTs;
    });
    committed(await holding);
    assert.ok(committed(await waiting).value > 0n);
  });
});

test("more transactions than may be open at once are contended, and run no fn", async () => {
  await withSimulatedStore({}, async ({ store, pass }) => {
    const open = Array.from({ length: transactionsOpenMax }, () => store.transact(() => pass(10)));
    let runs = 0;
    const more = store.transact(async () => {
      runs += 1;
    });
    assert.deepEqual(await more, { type: "contended" });
    assert.equal(runs, 0);
    for (const each of await Promise.all(open)) assert.equal(each.type, "committed");
  });
});

test("commits leave no bytes behind when no transaction is open, and only names while one is", async () => {
  await withSimulatedStore({}, async ({ store, pass }) => {
    const value = Buffer.alloc(256 * 1024);
    const commitLarge = async (count: number): Promise<void> => {
      const name = `k${count}`.padEnd(10, "k");
      committed(await store.transact(async (each) => each.put(key(name), value)));
    };
    const stuck = store.transact((transaction) => get(transaction, "a").then(() => pass(1000)));
    for (let count = 0; count < 30; count++) await commitLarge(count);
    assert.equal(store.stats().recentBytes, 30 * 10);
    await stuck;
    for (let count = 0; count < 30; count++) await commitLarge(count);
    assert.equal(store.stats().recentBytes, 0);
  });
});

test("transactions that never end do not keep commits remembered for ever", async () => {
  await withSimulatedStore({}, async ({ store, pass }) => {
    const stuck = store.transact(async (transaction) => {
      await get(transaction, "a");
      await pass(60_000);
    });
    for (let count = 0; count < 20; count++) {
      await commit(store, `k${count}=1`);
      await pass(1000);
    }
    assert.ok(store.stats().recentKeys <= 1);
    await stuck;
  });
});

test("the wall clock may jump back by an hour and forward by a year under way", async () => {
  await withSimulatedStore({}, async ({ world, store, pass }) => {
    let before = await commit(store, "n=0");
    for (const jumpMs of [-3_600_000, 3_600_000, 365 * 86_400_000, -365 * 86_400_000]) {
      world.main.jumpWallClock(jumpMs);
      for (let count = 0; count < 5; count++) {
        const commitTs = await commit(store, `n=${count}`);
        assert.ok(commitTs > before);
        before = commitTs;
        await pass(2000);
      }
    }
    const nowTs = composeTimestamp(world.env.clock.now() + 10_000, 0);
    assert.ok(before < nowTs, "time did not run ahead");
  });
});
