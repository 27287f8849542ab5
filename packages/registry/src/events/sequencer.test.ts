// Every change becomes an event exactly once, densely numbered and chained, whoever sequences and
// whatever fails meanwhile.

import assert from "node:assert/strict";
import test from "node:test";
import { type Env, IoError } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import { type Store, StoreError, type Transaction } from "@sampan/kv/txn";
import { strictStorm } from "@sampan/kv/txn/strict";
import type { ProjectName } from "../core/project-name.ts";
import { takeoverMs } from "../core/sequencing.ts";
import { eventHeadKey, eventKey, keyPrefixes } from "../meta/keys.ts";
import { createProject } from "../meta/projects.ts";
import { entriesOf } from "../meta/testing/invariants.ts";
import type { MetaWorld } from "../meta/testing/meta-world.ts";
import { nowMs, repository, withMeta } from "../meta/testing/meta-world.ts";
import type { LogEvent } from "./event.ts";
import { chainStart, readEvents, readHead, verifyEvents } from "./log.ts";
import { createOutbox } from "./outbox.ts";
import { createSequencer } from "./sequencer.ts";

/** The event of the first start is there before any test begins. */
const startEvents = 1;

function addRow(transaction: Transaction, name: string): void {
  const outbox = createOutbox(transaction, { actor: "tester", occurredMs: nowMs });
  outbox.add({ type: "repository.deleted", repository: repository(`library/${name}`) });
}

async function addEvent(store: Store, name: string): Promise<void> {
  await store.transact(async (transaction) => addRow(transaction, name));
}

const nameOf = (event: LogEvent) =>
  event.type === "repository.deleted" ? event.repository.slice("library/".length) : event.type;

async function logOf(meta: MetaWorld): Promise<readonly LogEvent[]> {
  const page = await meta.read((reader) => readEvents(reader, { after: 0, limit: 1_000 }));
  assert.equal(page.more, false);
  assert.deepEqual(
    page.events.map((event) => event.seq),
    page.events.map((_, index) => index + 1),
  );
  return page.events;
}

async function checkChain(meta: MetaWorld): Promise<void> {
  let from = chainStart;
  for (;;) {
    const checked = await meta.read((reader) => verifyEvents(reader, from, 7));
    assert.equal(checked.type, "intact");
    if (checked.type === "intact" && checked.done) return;
    if (checked.type === "intact") from = checked.last;
  }
}

const rowsLeft = (meta: MetaWorld) =>
  meta.read(async (reader) => (await entriesOf(reader, keyPrefixes.outbox)).length);

/** Runs sequencers while `body` runs, and stops them. */
async function withSequencers(
  meta: MetaWorld,
  owners: readonly { readonly owner: string; readonly env: Env }[],
  body: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const running = owners.map(({ owner, env }) =>
    createSequencer(env, { store: meta.store }, { owner }).run(stop.signal),
  );
  await body();
  stop.abort();
  await Promise.all(running);
}

test("changes become events in the order of their transactions, numbered from 1", () =>
  withMeta({}, async (meta) => {
    for (const name of ["a", "b", "c"]) await addEvent(meta.store, name);
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(1_000),
    );
    const events = await logOf(meta);
    assert.deepEqual(events.map(nameOf), ["project.created", "a", "b", "c"]);
    assert.deepEqual(events[1], {
      type: "repository.deleted",
      repository: "library/a",
      occurredMs: nowMs,
      actor: "tester",
      seq: 2,
    });
    assert.equal(await rowsLeft(meta), 0);
    await checkChain(meta);
  }));

test("a change that is rolled back is no event", () =>
  withMeta({}, async (meta) => {
    const failed = meta.store.transact(async (transaction) => {
      addRow(transaction, "never");
      throw new Error("rolled back");
    });
    await assert.rejects(failed, /rolled back/);
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(1_000),
    );
    assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created"]);
  }));

test("a transaction that began earlier and commits later is not lost", () =>
  withMeta({}, async (meta) => {
    await withSequencers(meta, [{ owner: "one", env: meta.env }], async () => {
      const late = meta.calm.transact(async (transaction) => {
        addRow(transaction, "late");
        await meta.env.clock.sleep(5_000);
      });
      await meta.env.clock.sleep(500);
      await addEvent(meta.calm, "early");
      await late;
      await meta.env.clock.sleep(1_000);
    });
    assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created", "early", "late"]);
    await checkChain(meta);
  }));

test("late ones are not lost either after the sequencer has run for long", () =>
  withMeta({}, async (meta) => {
    await withSequencers(meta, [{ owner: "one", env: meta.env }], async () => {
      for (let round = 0; round < 30; round += 1) {
        const late = meta.calm.transact(async (transaction) => {
          addRow(transaction, `late ${round}`);
          await meta.env.clock.sleep(9_000);
        });
        await meta.env.clock.sleep(4_000);
        await addEvent(meta.calm, `early ${round}`);
        await late;
      }
      await meta.env.clock.sleep(1_000);
    });
    assert.equal((await logOf(meta)).length, startEvents + 60);
    assert.equal(await rowsLeft(meta), 0);
  }));

test("more rows than one transaction takes become events all the same", () =>
  withMeta({}, async (meta) => {
    await meta.store.transact(async (transaction) => {
      const outbox = createOutbox(transaction, { actor: "x".repeat(2_000), occurredMs: nowMs });
      for (let count = 0; count < 900; count += 1) {
        outbox.add({ type: "user.password-changed", user: String(count) });
      }
    });
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(3_000),
    );
    const users = (await logOf(meta)).flatMap((event) =>
      event.type === "user.password-changed" ? [event.user] : [],
    );
    assert.deepEqual(
      users,
      Array.from({ length: 900 }, (_, count) => String(count)),
    );
    await checkChain(meta);
  }));

test("rows that were taken hold nothing back on a store too slow to step over them in time", async () => {
  const world = createSimulatedWorld(1);
  const { env } = world;
  const run = async (): Promise<void> => {
    const engine = createMemoryEngine(env, { readsPerWait: 10 });
    const store = await openEmbeddedStore(env, { engine }, {});
    const stop = new AbortController();
    const running = createSequencer(env, { store }, { owner: "one" }).run(stop.signal);
    for (let index = 0; index < 1_000; index += 1) await addEvent(store, String(index));
    await env.clock.sleep(1_000);
    const before = await headOf(store);
    engine.setDelay(400);
    await addEvent(store, "last");
    for (let waited = 0; waited < 120 && (await headOf(store)) === before; waited += 1) {
      await env.clock.sleep(1_000);
    }
    assert.equal(await headOf(store), before + 1);
    engine.setDelay(0);
    stop.abort();
    await running;
    await store.close();
    await engine.close();
  };
  await world.drive(run());
});

async function headOf(store: Store): Promise<number> {
  const snapshot = await store.snapshot();
  try {
    return (await readHead(snapshot)).seq;
  } finally {
    snapshot.release();
  }
}

test("the log is read in pages", () =>
  withMeta({}, async (meta) => {
    for (const name of ["a", "b", "c"]) await addEvent(meta.store, name);
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(1_000),
    );
    const page = await meta.read((reader) => readEvents(reader, { after: 1, limit: 2 }));
    assert.deepEqual(page.events.map(nameOf), ["a", "b"]);
    assert.equal(page.more, true);
    const rest = await meta.read((reader) => readEvents(reader, { after: 3, limit: 2 }));
    assert.deepEqual([rest.events.map(nameOf), rest.more], [["c"], false]);
  }));

test("a stopped sequencer lets go, and another goes on at once", () =>
  withMeta({}, async (meta) => {
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(1_000),
    );
    await addEvent(meta.store, "next");
    const two = { owner: "two", env: meta.world.process("two").env };
    await withSequencers(meta, [two], () => meta.env.clock.sleep(1_000));
    assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created", "next"]);
  }));

test("one that died is taken over when rows lie, not before", () =>
  withMeta({}, async (meta) => {
    const dying = meta.world.process("dying");
    void createSequencer(dying.env, { store: meta.store }, { owner: "dying" }).run(
      new AbortController().signal,
    );
    await meta.env.clock.sleep(1_000);
    dying.kill();
    const heir = { owner: "heir", env: meta.world.process("heir").env };
    await withSequencers(meta, [heir], async () => {
      await meta.env.clock.sleep(20_000);
      await addEvent(meta.store, "after");
      await meta.env.clock.sleep(takeoverMs - 1_000);
      assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created"]);
      await meta.env.clock.sleep(2_000);
      assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created", "after"]);
      await addEvent(meta.store, "at once");
      await meta.env.clock.sleep(1_000);
      assert.equal((await logOf(meta)).length, 3);
    });
  }));

test("one that starts again under its name goes on at once", () =>
  withMeta({}, async (meta) => {
    const dying = meta.world.process("dying");
    void createSequencer(dying.env, { store: meta.store }, { owner: "same" }).run(
      new AbortController().signal,
    );
    await meta.env.clock.sleep(1_000);
    dying.kill();
    await addEvent(meta.store, "next");
    const again = { owner: "same", env: meta.world.process("again").env };
    await withSequencers(meta, [again], () => meta.env.clock.sleep(1_000));
    assert.equal((await logOf(meta)).length, 2);
  }));

test("an idle registry writes nothing", () =>
  withMeta({}, async (meta) => {
    await withSequencers(meta, [{ owner: "one", env: meta.env }], async () => {
      await meta.env.clock.sleep(5_000);
      const before = await meta.read((reader) => entriesOf(reader, "S"));
      let writes = 0;
      const counting: Store = {
        snapshot: (at) => meta.calm.snapshot(at),
        close: () => meta.calm.close(),
        async transact(fn) {
          const outcome = await meta.calm.transact(fn);
          if (outcome.type === "committed" && outcome.commitTs !== null) writes += 1;
          return outcome;
        },
      };
      const stop = new AbortController();
      const other = meta.world.process("other").env;
      const running = createSequencer(other, { store: counting }, { owner: "other" }).run(
        stop.signal,
      );
      await meta.env.clock.sleep(3_600_000);
      stop.abort();
      await running;
      assert.equal(writes, 0);
      assert.deepEqual(await meta.read((reader) => entriesOf(reader, "S")), before);
    });
  }));

test("a failing store is tried again, a closed one ends the run", () =>
  withMeta({}, async (meta) => {
    let failures = 3;
    const failing: Store = {
      snapshot: (at) => meta.calm.snapshot(at),
      close: () => meta.calm.close(),
      transact: (fn) => {
        failures -= 1;
        if (failures >= 0) return Promise.reject(new IoError("io", "the disk does not answer"));
        if (failures > -10) return meta.calm.transact(fn);
        return Promise.reject(new StoreError("closed", "closed"));
      },
    };
    const sequencer = createSequencer(meta.env, { store: failing }, { owner: "one" });
    await assert.rejects(sequencer.run(new AbortController().signal), { code: "closed" });
    assert.deepEqual((await logOf(meta)).map(nameOf), ["project.created"]);
  }));

for (const seed of [1, 2, 3, 4]) {
  test(`three sequencers on a store that fails in every way (seed ${seed})`, () =>
    withMeta({ seed, rates: strictStorm }, async (meta) => {
      const owners = ["one", "two", "three"].map((owner) => {
        const process = meta.world.process(owner);
        return { owner, env: process.env };
      });
      const expected: string[] = [];
      await withSequencers(meta, owners, async () => {
        for (let count = 0; count < 60; count += 1) {
          const name = `p${count}` as ProjectName;
          const made = { name, public: false, actor: "t", nowMs };
          const created = await createProject(meta.store, made);
          if (created.ok) expected.push(name);
          await meta.env.clock.sleep(meta.env.random.int(400));
        }
        await meta.env.clock.sleep(120_000);
      });
      const events = await logOf(meta);
      const names = events.flatMap((event) =>
        event.type === "project.created" ? [event.project] : [],
      );
      assert.equal(new Set(names).size, names.length, "an event is there twice");
      for (const name of expected)
        assert.ok(names.includes(name as ProjectName), `${name} is lost`);
      assert.equal(await rowsLeft(meta), 0);
      await checkChain(meta);
    }));
}

test("an altered, missing or cut event breaks the chain", () =>
  withMeta({}, async (meta) => {
    for (const name of ["a", "b", "c", "d"]) await addEvent(meta.store, name);
    await withSequencers(meta, [{ owner: "one", env: meta.env }], () =>
      meta.env.clock.sleep(1_000),
    );
    const original = await meta.read((reader) => entriesOf(reader, keyPrefixes.event));
    const check = async (seq: number, change: (transaction: Transaction) => void) => {
      await meta.calm.transact(async (transaction) => change(transaction));
      const checked = await meta.read((reader) => verifyEvents(reader, chainStart, 100));
      assert.deepEqual(checked, { type: "broken", seq });
      await meta.calm.transact(async (transaction) => {
        for (const { key, value: bytes } of original) transaction.put(key, bytes);
        transaction.delete(eventKey(original.length + 1));
      });
      await checkChain(meta);
    };
    const third = original[2]?.value ?? Buffer.alloc(0);
    const altered = Buffer.from(third);
    altered[altered.length - 3] = (altered.at(-3) ?? 0) ^ 1;
    await check(3, (transaction) => transaction.put(eventKey(3), altered));
    await check(3, (transaction) => transaction.delete(eventKey(3)));
    await check(5, (transaction) => transaction.delete(eventKey(5)));
    await check(4, (transaction) => transaction.put(eventKey(4), third));
    await check(6, (transaction) => transaction.put(eventKey(6), third));
    const head = await meta.read(readHead);
    assert.equal(head.seq, 5);
    await meta.calm.transact(async (transaction) => transaction.delete(eventHeadKey()));
    const checked = await meta.read((reader) => verifyEvents(reader, chainStart, 100));
    assert.deepEqual(checked, { type: "broken", seq: 6 });
  }));
