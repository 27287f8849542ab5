// Who is let in at once, who waits, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CommitRoom, commitBytesMax } from "./commit-room.ts";

const half = commitBytesMax / 2;

test("commits are let in up to the bound, the others as room is made, first come first", async () => {
  const room = new CommitRoom();
  const order: string[] = [];
  const enter = (name: string, bytes: number): void => {
    const wait = room.enter(bytes);
    if (wait === null) order.push(name);
    else void wait.then(() => order.push(`${name} later`));
  };
  const check = async (expected: string): Promise<void> => {
    await Promise.resolve();
    assert.equal(order.join(", "), expected);
  };
  enter("a", half);
  enter("b", half);
  enter("c", half);
  enter("d", 1);
  await check("a, b");
  room.leave(half);
  await check("a, b, c later");
  room.leave(half);
  await check("a, b, c later, d later");
  assert.equal(room.bytes, half + 1);
});

test("one larger than the bound is let in alone", async () => {
  const room = new CommitRoom();
  assert.equal(room.enter(1), null);
  const wait = room.enter(commitBytesMax * 2);
  assert.ok(wait !== null);
  room.leave(1);
  await wait;
  room.leave(commitBytesMax * 2);
  assert.equal(room.bytes, 0);
});
