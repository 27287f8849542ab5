// Histories with planted faults, each of which must be found and called by its name, and histories
// that snapshot isolation allows, write skew among them, which must pass.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { HistoryTransaction, ListOperation } from "./history.ts";
import { checkSnapshotIsolation } from "./snapshot-isolation.ts";

/**
 * A transaction a line: `x+1` appends, `x=1,2` reads (`x=` the empty list); `!` before it: aborted,
 * `?`: unknown. `(` and `)` before it are its moments when they matter: `(3-7)`; else all overlap.
 */
function history(...lines: readonly string[]): HistoryTransaction[] {
  return lines.map((line, id) => {
    const moments = /\((\d+)-(\d+)\)/.exec(line);
    const words = line
      .replace(/\(.*\)/, "")
      .replace(/[!?]/, "")
      .trim()
      .split(/\s+/);
    const outcome = line.includes("!") ? "aborted" : line.includes("?") ? "unknown" : "committed";
    return {
      id,
      outcome,
      operations: words.filter((word) => word !== "").map(operation),
      beganAt: moments === null ? 0 : Number(moments[1]),
      endedAt: moments === null ? 1_000_000 : Number(moments[2]),
    };
  });
}

function operation(word: string): ListOperation {
  const [key = "", rest = ""] = word.split(/[+=]/);
  if (word.includes("+")) return { type: "append", key, value: Number(rest) };
  return { type: "read", key, values: rest === "" ? [] : rest.split(",").map(Number) };
}

function check(name: string, lines: readonly string[], expected: readonly string[]): void {
  test(name, () => {
    const found = checkSnapshotIsolation(history(...lines), { realTime: true });
    const types = [...new Set(found.map(({ type }) => type))].sort();
    const text = found.map(({ description }) => description).join("\n");
    assert.deepEqual(types, [...expected].sort(), text);
  });
}

const good: readonly string[] = [];

check("nothing happened", [], good);
check("one after the other", ["x+1", "x=1 x+2", "x=1,2 x+3", "x=1,2,3"], good);
check("own writes are seen", ["x= x+1 x=1 x+2 x=1,2"], good);
check("reads repeat", ["x+1", "x=1 y= x=1", "x=1 x+2"], good);
check("a reader between two writers", ["x+1", "x=1 x+2", "x=1", "x=1,2"], good);
check("write skew is allowed", ["x= y= x+1", "x= y= y+2", "x=1 y=2"], good);
check(
  "write skew of three is allowed",
  ["x= y= x+1", "y= z= y+2", "z= x= z+3", "x=1 y=2 z=3"],
  good,
);
check(
  "the read-only anomaly is allowed",
  // Fekete, O'Neil and O'Neil, "A read-only transaction anomaly under snapshot isolation", 2004.
  ["x= y= x+1", "y= y+2", "x= y=2", "x=1 y=2"],
  good,
);
check("blind appends of two", ["x+1", "x+2", "x=1,2"], good);
check("an aborted write is seen by nobody", ["x+1", "!x=1 x+2", "x=1"], good);
check("an unknown write may be seen", ["x+1", "?x=1 x+2", "x=1,2"], good);
check("an unknown write may be lost", ["x+1", "?x=1 x+2", "x=1"], good);
check(
  "an unknown write may be seen late",
  ["(1-2) x+1", "?(3-4) x=1 x+2", "(5-6) x=1", "(7-8) x=1,2"],
  good,
);
check(
  "overlapping transactions may see each other or not",
  ["(1-9) x+1", "(2-8) x=", "(2-8) x=1"],
  good,
);

check("a write of an aborted transaction is read", ["!x+1", "x=1"], ["G1a"]);
check(
  "a write in the middle of a transaction is read",
  ["x+1 x+2", "x=1", "x=1,2"],
  ["G-single", "G1b"],
);
check("a value that nobody wrote", ["x+1", "x=1,7"], ["garbage-read"]);
check("a value of another key", ["x+1", "y=1"], ["garbage-read"]);
check("a value twice", ["x+1", "x=1,1"], ["duplicate"]);
check("lists that do not fit together", ["x+1", "x+2", "x=1,2", "x=2"], ["incompatible-order"]);
check("a transaction does not see its own write", ["x= x+1 x="], ["internal"]);
check("a transaction reads a key twice and differently", ["x+1", "x= x=1"], ["internal"]);
check("own write and another's in between", ["x+1", "x= x+2 x=1,2"], ["internal"]);

check("writes of two keys in both orders", ["x+1 y+1", "x+2 y+2", "x=1,2 y=2,1"], ["G0"]);
check(
  "writes of three in a circle",
  ["x+1 y+1", "y+2 z+2", "z+3 x+3", "x=1,3 y=2,1 z=3,2"],
  ["G0"],
);
check("a transaction's writes torn apart", ["x+1 x+3", "x+2", "x=1,2,3"], ["G0"]);
check("two read each other's writes", ["x+1 y=2", "y+2 x=1"], ["G1c"]);
check("reads and writes go round", ["x+1 y=2", "x+2 y+2", "x=1,2"], ["G1c"]);
check("three read each other's writes", ["x+1 z=3", "x=1 y+2", "y=2 z+3"], ["G1c"]);

check("read skew: half of a transaction", ["x+1 y+1", "x=1 y=", "x=1 y=1"], ["G-single"]);
check("read skew over two transactions", ["x+1", "x=1 y+2", "x= y=2", "x=1 y=2"], ["G-single"]);
check(
  "long fork: two readers see two writers in both orders",
  ["x+1", "y+2", "x=1 y=", "x= y=2", "x=1 y=2"],
  ["G-nonadjacent"],
);
check("lost update, both writes kept", ["x= x+1", "x= x+2", "x=1,2"], ["G-single", "lost-update"]);
check("lost update, one write gone", ["x= x+1", "x= x+2", "x=2"], ["lost-update"]);
check(
  "lost update later in the list",
  ["x+1", "x=1 x+2", "x=1 x+3", "x=1,2,3"],
  ["G-single", "lost-update"],
);

check("a committed write is gone", ["(1-2) x+1", "(3-4) x="], ["lost-append"]);
check(
  "a committed write is gone behind a newer one",
  ["(1-2) x+1", "(3-4) x+2", "(5-6) x=2"],
  ["lost-append"],
);
check("a read of the past", ["(1-2) x+1", "(3-4) x=", "(5-6) x=1"], ["G-single"]);
check(
  "a read of the past, told by another key",
  ["(1-2) x+1", "(3-4) x=1 y+2", "(5-6) x= y=", "(7-8) x=1 y=2"],
  ["G-single"],
);
check("a write goes behind a later one", ["(1-2) x+1", "(3-4) x+2", "(5-6) x=2,1"], ["G1c"]);

test("without real time a read of the past is allowed", () => {
  const past = history("(1-2) x+1", "(3-4) x=", "(5-6) x=1");
  assert.deepEqual(checkSnapshotIsolation(past, { realTime: false }), []);
});

test("the report shows the circle", () => {
  const skew = history("x+1 y+1", "x=1 y=", "x=1 y=1");
  const found = checkSnapshotIsolation(skew, { realTime: false });
  assert.deepEqual(
    found.map(({ description }) => description),
    ["G-single: T1 -rw (y (empty) 1)-> T0 -wr (x 1)-> T1"],
  );
  assert.deepEqual(found[0]?.transactions, [0, 1]);
});

interface Plan {
  readonly transactions: number;
  /**
   * Reads of this transaction show the state of so many commits before its snapshot, on one key.
   */
  readonly staleKeyAt: number | null;
  /** This transaction commits although another has written its keys since its snapshot. */
  readonly skipConflictAt: number | null;
}

/** Plays transactions against a plain implementation of snapshot isolation. */
function simulate(seed: number, plan: Plan): HistoryTransaction[] {
  const { random } = createSimulatedWorld(seed).env;
  const commits: Map<string, number[]>[] = [new Map()];
  const state = (at: number, key: string) => commits[Math.max(0, at)]?.get(key) ?? [];
  const result: HistoryTransaction[] = [];
  let moment = 0;
  let value = 0;
  for (let id = 0; id < plan.transactions; id += 1) {
    // Its snapshot lies up to three commits back, and so does its begin.
    const back = random.int(Math.min(4, commits.length));
    const startedAt = commits.length - 1 - back;
    const operations: ListOperation[] = [];
    const writes = new Map<string, number[]>();
    for (let count = 1 + random.int(4); count > 0; count -= 1) {
      const key = "abcd"[random.int(4)] ?? "a";
      const stale = id === plan.staleKeyAt && operations.length > 0 ? 4 : 0;
      const seen = state(startedAt - stale, key);
      operations.push({ type: "read", key, values: [...seen, ...(writes.get(key) ?? [])] });
      if (random.int(2) === 0) continue;
      value += 1;
      operations.push({ type: "append", key, value });
      writes.set(key, [...(writes.get(key) ?? []), value]);
    }
    const conflicts = [...writes.keys()].some(
      (key) => state(startedAt, key).length !== state(commits.length - 1, key).length,
    );
    const isCommitted = !conflicts || id === plan.skipConflictAt;
    if (isCommitted && writes.size > 0) {
      const next = new Map(commits.at(-1));
      for (const [key, appended] of writes) next.set(key, [...(next.get(key) ?? []), ...appended]);
      commits.push(next);
    }
    moment += 1;
    const outcome = isCommitted ? "committed" : "aborted";
    result.push({ id, outcome, operations, beganAt: moment - 1 - back, endedAt: moment });
  }
  return result;
}

test("random histories of snapshot isolation pass", () => {
  for (let seed = 0; seed < 100; seed += 1) {
    const plan = { transactions: 200, staleKeyAt: null, skipConflictAt: null };
    const found = checkSnapshotIsolation(simulate(seed, plan), { realTime: false });
    assert.deepEqual(found, [], `seed ${seed}`);
  }
});

test("a commit that should have lost is found in random histories", () => {
  let planted = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const sound = { transactions: 100, staleKeyAt: null, skipConflictAt: null };
    const at = simulate(seed, sound).findIndex(
      ({ id, outcome }) => id > 20 && outcome === "aborted",
    );
    if (at < 0) continue;
    planted += 1;
    const found = checkSnapshotIsolation(simulate(seed, { ...sound, skipConflictAt: at }), {
      realTime: false,
    });
    assert.ok(found.length > 0, `seed ${seed}: transaction ${at}`);
  }
  assert.ok(planted > 100, `${planted} planted`);
});

test("reads of two moments in one transaction are found in random histories, as a rule", () => {
  let found = 0;
  for (let seed = 0; seed < 200; seed += 1) {
    const plan = { transactions: 100, staleKeyAt: 50, skipConflictAt: null };
    if (checkSnapshotIsolation(simulate(seed, plan), { realTime: false }).length > 0) found += 1;
  }
  // Not every such read is visible: the keys may not have changed in between.
  assert.ok(found > 60, `${found} of 200`);
});
