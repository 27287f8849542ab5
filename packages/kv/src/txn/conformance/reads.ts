// What a reader sees: of the store, of its own writes, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { WithStore } from "../conformance.ts";
import type { Transaction } from "../txn.ts";
import {
  commit,
  committed,
  contents,
  get,
  key,
  range,
  rejectsWith,
  scan,
  text,
  write,
} from "./text.ts";

const numbered = (n: number): string => `n${String(n).padStart(4, "0")}`;

export function readConformance(name: string, create: WithStore): void {
  plainReads(name, create);
  ownWrites(name, create);
  scans(name, create);
}

function plainReads(name: string, create: WithStore): void {
  test(`${name}: what was committed is read back, what was not is null`, async () => {
    await create(async ({ store }) => {
      await commit(store, "a=1 empty=");
      const snapshot = await store.snapshot();
      assert.equal(await get(snapshot, "a"), "1");
      assert.equal(await get(snapshot, "empty"), "");
      assert.equal(await get(snapshot, "b"), null);
      snapshot.release();
    });
  });

  test(`${name}: getMany answers in the order of its keys, equal ones too`, async () => {
    await create(async ({ store }) => {
      await commit(store, "a=1 b=2 c=3");
      const { value } = committed(
        await store.transact((transaction) =>
          transaction.getMany(["c", "none", "a", "c"].map((each) => key(each))),
        ),
      );
      assert.deepEqual(value.map(text), ["3", null, "1", "3"]);
      const snapshot = await store.snapshot();
      assert.deepEqual(await snapshot.getMany([]), []);
      snapshot.release();
    });
  });

  test(`${name}: values of every size come back byte for byte`, async () => {
    await create(async ({ store }) => {
      const sizes = [0, 1, 254, 255, 256, 257, 4096, 300_000];
      const value = (size: number) => Buffer.alloc(size, `${size}-`);
      await store.transact(async (transaction) => {
        for (const size of sizes) transaction.put(key(`k${size}`), value(size));
      });
      const snapshot = await store.snapshot();
      for (const size of sizes) {
        const found = await snapshot.get(key(`k${size}`));
        assert.ok(found !== null && value(size).equals(found), `${size} bytes`);
      }
      const entries = await snapshot.scan({ start: key("k"), end: null }, { limit: 100 });
      assert.deepEqual(
        entries.map((entry) => entry.value.length).sort((a, b) => a - b),
        sizes,
      );
      snapshot.release();
    });
  });

  test(`${name}: a value of 256 bytes and more is one with its key's history`, async () => {
    await create(async ({ store }) => {
      const long = "x".repeat(1000);
      await commit(store, `a=${long}`);
      const before = await store.snapshot();
      await commit(store, "a=short");
      assert.equal(await get(before, "a"), long);
      assert.equal(await contents(store), "a=short");
      before.release();
    });
  });

  test(`${name}: keys of every byte, and prefixes of one another, stay apart`, async () => {
    await create(async ({ store }) => {
      const keys = [
        [0],
        [0, 0],
        [0, 255],
        [1],
        [97],
        [97, 0],
        [97, 98, 99, 100, 101, 102, 103],
        [97, 98, 99, 100, 101, 102, 103, 104],
        [97, 98, 99, 100, 101, 102, 103, 104, 0],
        [255],
        [255, 255],
      ].map((bytes) => Buffer.from(bytes));
      await store.transact(async (transaction) => {
        for (const each of keys) transaction.put(each, each);
      });
      const snapshot = await store.snapshot();
      const entries = await snapshot.scan({ start: Buffer.alloc(0), end: null }, { limit: 100 });
      assert.deepEqual(
        entries.map((entry) => Buffer.from(entry.key)),
        keys,
      );
      for (const each of keys)
        assert.deepEqual(Buffer.from((await snapshot.get(each)) ?? ""), each);
      snapshot.release();
    });
  });
}

function ownWrites(name: string, create: WithStore): void {
  const check = (what: string, stored: string, body: (t: Transaction) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await create(async ({ store }) => {
        if (stored !== "") await commit(store, stored);
        committed(await store.transact(body));
      });
    });
  };

  check("a transaction reads its own puts and deletes", "a=1 b=2", async (transaction) => {
    write(transaction, "a=9 b c=3");
    assert.equal(await get(transaction, "a"), "9");
    assert.equal(await get(transaction, "b"), null);
    const many = await transaction.getMany([key("c"), key("b"), key("a"), key("d")]);
    assert.deepEqual(many.map(text), ["3", null, "9", null]);
  });

  check("the last write of a key counts", "", async (transaction) => {
    write(transaction, "a=1 a a=2");
    assert.equal(await get(transaction, "a"), "2");
    write(transaction, "a");
    assert.equal(await get(transaction, "a"), null);
  });

  check("a lock hides neither the stored value nor an own one", "a=1", async (transaction) => {
    await transaction.lock([key("a"), key("z")]);
    assert.equal(await get(transaction, "a"), "1");
    assert.equal(await scan(transaction, ".."), "a=1");
    write(transaction, "a=2");
    await transaction.lock([key("a")]);
    assert.equal(await get(transaction, "a"), "2");
  });

  check("scans lay own writes over what is stored", "b=1 d=1 f=1 h=1", async (transaction) => {
    write(transaction, "a=9 c=9 d f=9 i=9");
    assert.equal(await scan(transaction, ".."), "a=9 b=1 c=9 f=9 h=1 i=9");
    assert.equal(await scan(transaction, "..", { reverse: true }), "i=9 h=1 f=9 c=9 b=1 a=9");
    assert.equal(await scan(transaction, "b..h"), "b=1 c=9 f=9");
    assert.equal(await scan(transaction, "..", { limit: 3 }), "a=9 b=1 c=9");
    assert.equal(await scan(transaction, "..", { limit: 2, reverse: true }), "i=9 h=1");
    assert.equal(await scan(transaction, "..", { keysOnly: true }), "a= b= c= f= h= i=");
  });

  check("own deletes do not shorten a limited scan", "a=1 b=1 c=1 d=1 e=1", async (transaction) => {
    write(transaction, "a b d");
    assert.equal(await scan(transaction, "..", { limit: 2 }), "c=1 e=1");
    assert.equal(await scan(transaction, "..", { limit: 2, reverse: true }), "e=1 c=1");
    assert.equal(await scan(transaction, "..", { limit: 1 }), "c=1");
  });
}

function scans(name: string, create: WithStore): void {
  test(`${name}: a scan as text gives what a scan gives, one character a byte`, async () => {
    await create(async ({ store }) => {
      const value = (index: number) =>
        Buffer.alloc(index % 7 === 0 ? 300 + index : index % 5, index);
      await store.transact(async (transaction) => {
        for (let index = 0; index < 200; index++) {
          transaction.put(Buffer.of(107, index, 0, 255 - index), value(index));
        }
      });
      await store.transact(async (transaction) => {
        for (let index = 0; index < 200; index += 3) {
          transaction.delete(Buffer.of(107, index, 0, 255 - index));
        }
      });
      const snapshot = await store.snapshot();
      const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
      for (const limit of [1, 2, 63, 65, 133, 134, 1000]) {
        for (const keysOnly of [false, true]) {
          const bounds = { start: key("k"), end: key("l") };
          const entries = await snapshot.scan(bounds, { limit, keysOnly });
          const { keys, values } = await snapshot.scanLatin1(bounds, { limit, keysOnly });
          assert.deepEqual(
            keys,
            entries.map((entry) => latin1(entry.key)),
          );
          assert.deepEqual(
            values,
            entries.map((entry) => latin1(entry.value)),
          );
        }
      }
      assert.deepEqual((await snapshot.scanLatin1(range("x..y"), { limit: 9 })).keys, []);
      await rejectsWith("limit", snapshot.scanLatin1(range(".."), { limit: 0 }));
      snapshot.release();
      await rejectsWith("closed", snapshot.scanLatin1(range(".."), { limit: 1 }));
    });
  });

  test(`${name}: joined keys are those that a scan gives, cut and with what is to be between`, async () => {
    await create(async ({ store }) => {
      await commit(store, "aa1=v ab=v abc=v abcd=v b=v");
      await commit(store, "abc");
      const snapshot = await store.snapshot();
      const joined = async (bounds: string, limit: number, [skip, drop]: [number, number]) => {
        const options = { limit, skip, drop, separator: ", " };
        return snapshot.scanJoined(range(bounds), options);
      };
      assert.deepEqual(await joined("..", 9, [0, 0]), { text: "aa1, ab, abcd, b", count: 4 });
      assert.deepEqual(await joined("..", 9, [1, 1]), { text: "a, , bc, ", count: 4 });
      assert.deepEqual(await joined("a..ac", 9, [1, 0]), { text: "a1, b, bcd", count: 3 });
      assert.deepEqual(await joined("a..ac", 2, [0, 1]), { text: "aa, a", count: 2 });
      assert.deepEqual(await joined("x..y", 9, [0, 0]), { text: "", count: 0 });
      assert.deepEqual(await joined("y..x", 9, [0, 0]), { text: "", count: 0 });
      await rejectsWith("limit", joined("..", 0, [0, 0]));
      snapshot.release();
      await rejectsWith("closed", joined("..", 1, [0, 0]));
    });
  });

  test(`${name}: while a writer goes on, each list is of its snapshot's moment, then and later`, async () => {
    await create(async ({ store }) => {
      const writes = 120;
      // After write n there are these: one is added, and the oldest taken away.
      const kept = 70;
      const listAt = (n: number) =>
        Array.from({ length: Math.min(n, kept) }, (_, index) => numbered(n - index)).reverse();
      let begun = 0;
      let ended = 0;
      const waiting: (() => void)[] = [];
      const write = async (): Promise<void> => {
        for (let n = 1; n <= writes; n += 1) {
          begun = n;
          await store.transact(async (transaction) => {
            transaction.put(key(numbered(n)), key("v"));
            if (n > kept) transaction.delete(key(numbered(n - kept)));
          });
          ended = n;
          for (const goOn of waiting.splice(0)) goOn();
        }
      };
      const nextWrite = () => new Promise<void>((resolve) => waiting.push(resolve));
      const bounds = range("n..o");
      const read = async (): Promise<void> => {
        while (ended < writes) {
          const least = ended;
          const snapshot = await store.snapshot();
          const most = begun;
          const options = { limit: 1000, skip: 0, drop: 0, separator: " " };
          const { text } = await snapshot.scanJoined(bounds, options);
          const seen = Number(text.slice(-4));
          assert.ok(seen >= least && seen <= most, `${least} <= ${seen} <= ${most}`);
          assert.equal(text, listAt(seen).join(" "));
          while (ended < Math.min(seen + 3, writes)) await nextWrite();
          assert.equal((await snapshot.scanJoined(bounds, options)).text, text);
          const { keys } = await snapshot.scanLatin1(bounds, { limit: 1000 });
          assert.equal(keys.join(" "), text);
          assert.equal(
            await scan(snapshot, "n..o"),
            listAt(seen)
              .map((each) => `${each}=v`)
              .join(" "),
          );
          snapshot.release();
        }
      };
      await Promise.all([write(), read(), read(), read()]);
    });
  });

  const check = (bounds: string, options: object, expected: string): void => {
    test(`${name}: scan ${bounds} ${JSON.stringify(options)} gives "${expected}"`, async () => {
      await create(async ({ store }) => {
        await commit(store, "a=1 b=2 bb=3 c=4 d=5 e=6");
        await commit(store, "b=7 d");
        await commit(store, "e bb=8");
        const snapshot = await store.snapshot();
        assert.equal(await scan(snapshot, bounds, options), expected);
        snapshot.release();
        const outcome = await store.transact((each) => scan(each, bounds, options));
        assert.equal(committed(outcome).value, expected);
      });
    });
  };
  check("..", {}, "a=1 b=7 bb=8 c=4");
  check("..", { reverse: true }, "c=4 bb=8 b=7 a=1");
  check("b..c", {}, "b=7 bb=8");
  check("b..c", { reverse: true }, "bb=8 b=7");
  check("aa..bb", {}, "b=7");
  check("..", { limit: 2 }, "a=1 b=7");
  check("..", { limit: 3, reverse: true }, "c=4 bb=8 b=7");
  check("..", { keysOnly: true }, "a= b= bb= c=");
  check("d..", {}, "");
  check("d..", { reverse: true }, "");
  check("c..c", {}, "");
  check("c..a", {}, "");

  for (const reverse of [false, true]) {
    const how = reverse ? "backwards" : "forwards";
    test(`${name}: a scan ${how} over 4000 deleted keys lets others run`, async () => {
      await create(async ({ store, pass }) => {
        const names = Array.from({ length: 4000 }, (_, index) => `k${10_000 + index}`);
        await commit(store, "a=1 z=1");
        await store.transact(async (each) => {
          for (const of of names) each.put(key(of), key("1"));
        });
        await store.transact(async (each) => {
          for (const of of names) each.delete(key(of));
        });
        const snapshot = await store.snapshot();
        let others = 0;
        const scanning = snapshot.scan(range(".."), { limit: 3, reverse });
        const passing = pass(0).then(() => {
          others += 1;
        });
        assert.equal((await scanning).length, 2);
        assert.equal(others, 1);
        await passing;
        snapshot.release();
      });
    });
  }

  test(`${name}: a scan of many entries, pages in both directions`, async () => {
    await create(async ({ store }) => {
      const names = Array.from({ length: 1200 }, (_, index) => `k${10_000 + index}`);
      await store.transact(async (transaction) => {
        for (const each of names) transaction.put(key(each), key(each));
      });
      const snapshot = await store.snapshot();
      const all = await snapshot.scan({ start: key("k"), end: key("l") }, { limit: 10_240 });
      assert.deepEqual(
        all.map((entry) => text(entry.key)),
        names,
      );
      const last = await snapshot.scan(
        { start: key("k"), end: key("k10700") },
        { limit: 300, reverse: true },
      );
      assert.deepEqual(
        last.map((entry) => text(entry.key)),
        names.slice(400, 700).reverse(),
      );
      snapshot.release();
    });
  });
}
