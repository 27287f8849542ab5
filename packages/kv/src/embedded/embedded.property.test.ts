// Many transactions at once, by seed, against the definition of snapshot isolation: every read is
// what a naive history says for the reader's start, and of two transactions that overlap in time
// and in what they wrote or locked only one was committed. Collection runs all the while.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Random } from "@sampan/env";
import type { Timestamp } from "../core/index.ts";
import { get, key, scan, write } from "../txn/conformance/text.ts";
import type { Reader, Store, Transaction } from "../txn/txn.ts";
import { slowDisk, withSimulatedStore } from "./testing/simulated-store.ts";

const names = ["a", "b", "bb", "c", "d", "e"];
const seeds = 40;
const clients = 8;
const transactionsPerClient = 25;

interface Committed {
  readonly startTs: Timestamp;
  readonly commitTs: Timestamp;
  /** Null: a deletion. */
  readonly writes: ReadonlyMap<string, string | null>;
  readonly locks: ReadonlySet<string>;
}

interface Observation {
  readonly readTs: Timestamp;
  /** Own writes at that time. */
  readonly own: ReadonlyMap<string, string | null>;
  readonly what: { readonly name: string } | { readonly bounds: string; readonly reverse: boolean };
  readonly found: string | null;
}

interface History {
  readonly committed: Committed[];
  readonly observations: Observation[];
  /** No acknowledged commit lies above a start that was asked for after it. */
  newestAcknowledged: Timestamp;
}

for (let seed = 1; seed <= seeds; seed++) {
  test(`seed ${seed}: every read and every commit fits snapshot isolation`, async () => {
    const options = { seed, engine: slowDisk, store: { retentionMs: 20, collectEveryMs: 15 } };
    await withSimulatedStore(options, async ({ world, store, pass }) => {
      const history: History = { committed: [], observations: [], newestAcknowledged: 0n };
      const stopping = new AbortController();
      const running = store.run(stopping.signal);
      const { random } = world.process("clients").env;
      const client = async (id: number): Promise<void> => {
        for (let count = 0; count < transactionsPerClient; count++) {
          await pass(random.int(8));
          if (random.int(4) === 0) await observeSnapshot(store, history, random);
          else await runTransaction(store, history, { random, pass, tag: `${id}.${count}` });
          if (random.int(10) === 0) await store.gc(store.newestTimestamp());
        }
      };
      await Promise.all(Array.from({ length: clients }, (_, id) => client(id)));
      stopping.abort();
      await running;
      checkObservations(history);
      checkCommits(history);
      assert.ok(history.committed.length > clients);
    });
  });
}

interface Chance {
  readonly random: Random;
  readonly tag: string;
  pass(ms: number): Promise<void>;
}

async function runTransaction(store: Store, history: History, chance: Chance): Promise<void> {
  const { random } = chance;
  const acknowledged = history.newestAcknowledged;
  const isHot = random.int(6) === 0;
  let run: Run = newRun(0n);
  const outcome = await store.transact(async (transaction) => {
    if (isHot) await transaction.lock([key("a")], { hot: true });
    run = newRun(transaction.startTs);
    assert.ok(run.startTs > acknowledged, "it starts after what was acknowledged before it");
    if (isHot) run.locks.add("a");
    for (let steps = random.int(6); steps > 0; steps--) {
      await step(transaction, run, chance);
      if (random.int(2) === 0) await chance.pass(random.int(4));
    }
  });
  if (outcome.type === "contended") return;
  assert.equal(outcome.type, "committed");
  // Reads of tries that lost are worth checking too, but only the last try's are kept here.
  history.observations.push(...run.observations);
  const { commitTs } = outcome;
  assert.equal(commitTs === null, run.writes.size === 0 && run.locks.size === 0);
  if (commitTs === null) return;
  history.committed.push({ ...run, commitTs });
  if (commitTs > history.newestAcknowledged) history.newestAcknowledged = commitTs;
}

interface Run {
  readonly startTs: Timestamp;
  readonly writes: Map<string, string | null>;
  readonly locks: Set<string>;
  readonly observations: Observation[];
}

function newRun(startTs: Timestamp): Run {
  return { startTs, writes: new Map(), locks: new Set(), observations: [] };
}

async function step(transaction: Transaction, run: Run, chance: Chance): Promise<void> {
  const { random } = chance;
  const name = pick(random, names);
  switch (random.int(5)) {
    case 0:
      // Some values lie in the default family.
      run.writes.set(name, random.int(4) === 0 ? chance.tag.padEnd(300, ".") : chance.tag);
      write(transaction, `${name}=${run.writes.get(name)}`);
      break;
    case 1:
      run.writes.set(name, null);
      transaction.delete(key(name));
      break;
    case 2:
      run.locks.add(name);
      await transaction.lock([key(name)]);
      break;
    default:
      run.observations.push(await observe(transaction, new Map(run.writes), random));
  }
}

async function observeSnapshot(store: Store, history: History, random: Random): Promise<void> {
  const acknowledged = history.newestAcknowledged;
  const snapshot = await store.snapshot();
  assert.ok(snapshot.startTs > acknowledged);
  for (let count = 0; count < 3; count++) {
    history.observations.push(await observe(snapshot, new Map(), random));
  }
  snapshot.release();
}

async function observe(
  reader: Reader,
  own: ReadonlyMap<string, string | null>,
  random: Random,
): Promise<Observation> {
  const readTs = reader.startTs;
  if (random.int(2) === 0) {
    const name = pick(random, names);
    return { readTs, own, what: { name }, found: await get(reader, name) };
  }
  const bounds = `${pick(random, ["", "a", "b", "c"])}..${pick(random, ["", "c", "d", "f"])}`;
  const reverse = random.int(2) === 0;
  const found = await scan(reader, bounds, { reverse });
  return { readTs, own, what: { bounds, reverse }, found };
}

function pick(random: Random, from: readonly string[]): string {
  return from[random.int(from.length)] ?? "";
}

/** Replays all commits in the order of their timestamps, for each observation up to its own. */
function checkObservations({ committed, observations }: History): void {
  const sorted = committed.toSorted((a, b) => (a.commitTs < b.commitTs ? -1 : 1));
  for (const { readTs, own, what, found } of observations) {
    const state = new Map<string, string | null>();
    for (const { commitTs, writes } of sorted) {
      if (commitTs > readTs) break;
      for (const [name, value] of writes) state.set(name, value);
    }
    for (const [name, value] of own) state.set(name, value);
    assert.equal(found, expected(state, what), `${JSON.stringify(what)} at ${readTs}`);
  }
}

function expected(
  state: ReadonlyMap<string, string | null>,
  what: Observation["what"],
): string | null {
  if ("name" in what) return state.get(what.name) ?? null;
  const [start = "", end = ""] = what.bounds.split("..");
  const inside = [...state]
    .filter(([name, value]) => value !== null && name >= start && (end === "" || name < end))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  return (what.reverse ? inside.reverse() : inside).join(" ");
}

function checkCommits({ committed }: History): void {
  for (const [index, one] of committed.entries()) {
    assert.ok(one.startTs < one.commitTs);
    for (const other of committed.slice(index + 1)) {
      const overlap = one.startTs < other.commitTs && other.startTs < one.commitTs;
      if (!overlap) continue;
      const keys = new Set([...one.writes.keys(), ...one.locks]);
      const both = [...other.writes.keys(), ...other.locks].filter((name) => keys.has(name));
      assert.deepEqual(both, [], `${one.startTs} and ${other.startTs} both committed`);
    }
  }
}
