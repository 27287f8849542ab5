// Whose turn it is, and from where the outbox is looked at.

import assert from "node:assert/strict";
import test from "node:test";
import type { Look, Turn, Watch } from "./sequencing.ts";
import { bottom, decideTurn, lateCommitMs, raiseFloor, takeoverMs } from "./sequencing.ts";

const watch = (sinceMs: number, owner = "other", seq = 5): Watch => ({ owner, seq, sinceMs });

function check(look: Partial<Look>, before: Watch | null, expected: Turn): void {
  const whole: Look = { owner: "other", seq: 5, rows: true, nowMs: 10_000, ...look };
  assert.deepEqual(decideTurn("self", whole, before), expected);
}

test("who owns the lease works, and whoever finds it free", () => {
  check({ owner: "self" }, null, { type: "work" });
  check({ owner: null }, null, { type: "work" });
});

test("without rows there is nothing to do and nothing to watch", () => {
  for (const owner of ["self", "other", null]) {
    check({ owner, rows: false }, watch(0), { type: "watch", watch: null });
  }
});

test("another's lease is watched, and taken over when the log stands still beside rows", () => {
  check({}, null, { type: "watch", watch: watch(10_000) });
  check({}, watch(10_000 - takeoverMs + 1), {
    type: "watch",
    watch: watch(10_000 - takeoverMs + 1),
  });
  check({}, watch(10_000 - takeoverMs), { type: "work" });
});

test("a log that grows, or a new owner, begins the watch again", () => {
  check({ seq: 6 }, watch(0), { type: "watch", watch: watch(10_000, "other", 6) });
  check({ owner: "third" }, watch(0), { type: "watch", watch: watch(10_000, "third") });
});

test("the floor rises to an earlier look once nothing older can come", () => {
  const first = raiseFloor(bottom, 100n, 0);
  assert.deepEqual(first, { fromTs: 0n, mark: { startTs: 100n, atMs: 0 } });
  assert.deepEqual(raiseFloor(first, 200n, lateCommitMs - 1), first);
  const raised = raiseFloor(first, 300n, lateCommitMs);
  assert.deepEqual(raised, { fromTs: 100n, mark: { startTs: 300n, atMs: lateCommitMs } });
});
