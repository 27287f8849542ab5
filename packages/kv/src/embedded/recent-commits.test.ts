// Which commits are remembered, who conflicts with them, and who waits for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { keyName, type Mutation } from "../txn/write-buffer.ts";
import { type Commit, RecentCommits, recentBytesMax, recentKeysMax } from "./recent-commits.ts";

function mutations(names: string): Mutation[] {
  return names.split(" ").map((name) => {
    const key = Buffer.from(name);
    return { type: "put", key, value: key, name: keyName(key) };
  });
}

function begin(recent: RecentCommits, commitTs: number, names: string): Commit {
  return recent.begin(BigInt(commitTs), mutations(names));
}

test("a commit conflicts with who started before it, until it is forgotten", () => {
  const recent = new RecentCommits(0n);
  const commit = begin(recent, 10, "a c");
  const conflicts = (names: string, startTs: number): boolean =>
    recent.conflicts(mutations(names), BigInt(startTs));
  assert.equal(conflicts("a", 9), true);
  assert.equal(conflicts("b c", 9), true);
  assert.equal(conflicts("b", 9), false);
  assert.equal(conflicts("a", 11), false);
  recent.settle(commit, "done");
  recent.forget(9n);
  assert.equal(conflicts("a", 9), true);
  recent.forget(11n);
  assert.equal(recent.keys, 0);
  assert.equal(conflicts("a", 11), false);
});

test("forgetting an older commit of a key leaves the newer one", () => {
  const recent = new RecentCommits(0n);
  recent.settle(begin(recent, 10, "a"), "done");
  recent.settle(begin(recent, 20, "a"), "done");
  recent.forget(15n);
  assert.equal(recent.keys, 1);
  assert.equal(recent.conflicts(mutations("a"), 15n), true);
});

test("what is under way is not forgotten, nor what came after it", () => {
  const recent = new RecentCommits(0n);
  const first = begin(recent, 10, "a");
  recent.settle(begin(recent, 20, "b"), "done");
  recent.forget(null);
  assert.equal(recent.keys, 2);
  recent.settle(first, "done");
  recent.forget(null);
  assert.equal(recent.keys, 0);
});

test("readers wait for the newest commit that they must see, of their key or range", () => {
  const recent = new RecentCommits(0n);
  const first = begin(recent, 10, "b");
  const second = begin(recent, 20, "b d");
  const check = (readTs: number, expected: Commit | null): void => {
    assert.equal(recent.pendingOf("b", BigInt(readTs)), expected);
  };
  check(9, null);
  check(10, first);
  check(19, first);
  check(20, second);
  assert.equal(recent.pendingOf("c", 20n), null);
  assert.equal(recent.pendingWithin("a", "b", 30n), null);
  assert.equal(recent.pendingWithin("a", "c", 9n), null);
  assert.equal(recent.pendingWithin("a", "c", 10n), first);
  assert.equal(recent.pendingWithin("c", null, 30n), second);
  assert.equal(recent.pendingWithin("e", null, 30n), null);
  recent.settle(first, "done");
  check(19, null);
  check(20, second);
  recent.settle(second, "lost");
  check(20, second);
  assert.equal(recent.pending, 1);
});

test("beyond its bound it forgets the oldest, and who started before them loses", () => {
  const recent = new RecentCommits(0n);
  const perCommit = 1000;
  const commits = recentKeysMax / perCommit + 2;
  for (let count = 1; count <= commits; count++) {
    const names = Array.from({ length: perCommit }, (_, index) => `k${10_000 + index}`).join(" ");
    recent.settle(begin(recent, count * 10, names), "done");
    recent.forget(5n);
  }
  assert.ok(recent.keys <= recentKeysMax);
  assert.equal(recent.conflicts(mutations("never-written"), 5n), true);
  assert.equal(recent.conflicts(mutations("never-written"), 25n), false);
});

test("of a commit only the names are kept, and their bytes are counted until it is forgotten", () => {
  const recent = new RecentCommits(0n);
  const key = Buffer.from("abc");
  const value = Buffer.alloc(256 * 1024);
  const put: Mutation = { type: "put", key, value, name: keyName(key) };
  const commit = recent.begin(10n, [put]);
  assert.deepEqual(
    Object.values(commit).filter((part) => typeof part === "object" && !(part instanceof Promise)),
    [["abc"]],
  );
  assert.equal(recent.bytes, 3);
  recent.settle(commit, "done");
  recent.forget(null);
  assert.equal(recent.bytes, 0);
});

test("beyond its bound of bytes it forgets the oldest, and who started before them loses", () => {
  const recent = new RecentCommits(0n);
  const nameBytes = 4096;
  for (let count = 1; count <= recentBytesMax / nameBytes + 2; count++) {
    recent.settle(begin(recent, count * 10, String(count).padStart(nameBytes, "k")), "done");
    recent.forget(5n);
  }
  assert.ok(recent.bytes <= recentBytesMax);
  assert.equal(recent.conflicts(mutations("never-written"), 5n), true);
  assert.equal(recent.conflicts(mutations("never-written"), 25n), false);
});
