// Lines before hot keys: first come, first served, and nobody waits for who has left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LockQueue } from "./lock-queue.ts";

/**
 * Enters in the order given; answers who was let in, in which order, while each leaves in its
 * turn.
 */
async function letIn(entries: readonly (readonly string[])[]): Promise<number[]> {
  const queue = new LockQueue();
  const order: number[] = [];
  const leaving = entries.map(async (names, index) => {
    const ticket = queue.enter(names);
    assert.equal(await ticket.granted, true);
    order.push(index);
    ticket.leave();
    ticket.leave();
  });
  await Promise.all(leaving);
  assert.equal(queue.size, 0);
  return order;
}

test("one key: in the order of coming", async () => {
  assert.deepEqual(await letIn([["a"], ["a"], ["a"]]), [0, 1, 2]);
});

test("several keys in any order, named twice, never wait in a circle", async () => {
  assert.deepEqual(
    await letIn([
      ["a", "b"],
      ["b", "a", "b"],
      ["a", "b"],
      ["b", "a"],
    ]),
    [0, 1, 2, 3],
  );
});

test("other keys do not wait", async () => {
  assert.deepEqual(await letIn([["a"], ["b"], ["a", "b"], ["c"]]), [0, 1, 3, 2]);
});

test("who leaves the line before its turn is not let in, and holds nobody up", async () => {
  const queue = new LockQueue();
  const first = queue.enter(["a"]);
  const second = queue.enter(["a", "b"]);
  const third = queue.enter(["b"]);
  assert.equal(await first.granted, true);
  second.leave();
  assert.equal(await second.granted, false);
  assert.equal(await third.granted, true);
  first.leave();
  third.leave();
  assert.equal(queue.size, 0);
});

test("a key is held by who was let in, not by who waits for another key", async () => {
  const queue = new LockQueue();
  const holder = queue.enter(["a", "b"]);
  const waiter = queue.enter(["b", "c"]);
  assert.equal(queue.otherHolder("a", null), holder);
  assert.equal(queue.otherHolder("b", waiter), holder);
  assert.equal(queue.otherHolder("b", holder), null);
  assert.equal(queue.otherHolder("c", null), null);
  assert.equal(queue.otherHolder("d", null), null);
  holder.leave();
  await holder.left;
  assert.equal(queue.otherHolder("a", null), null);
  assert.equal(queue.otherHolder("b", null), waiter);
  assert.equal(queue.otherHolder("c", holder), waiter);
  waiter.leave();
  assert.equal(queue.otherHolder("b", null), null);
});
