import assert from "node:assert/strict";
import { test } from "node:test";
import { PartBuffer, PartMemory } from "./part-buffer.ts";
import { partBytesMin } from "./parts.ts";

test("memory that was given back is used again, and not while it is in use", () => {
  const memory = new PartMemory();
  const [first, second] = [memory.take(partBytesMin), memory.take(partBytesMin)];
  assert.notEqual(first.buffer, second.buffer);
  memory.give(first);
  assert.equal(memory.take(partBytesMin).buffer, first.buffer);
  assert.notEqual(memory.take(partBytesMin).buffer, first.buffer);
  assert.equal(memory.take(100).byteLength, 100);
});

test("a part takes what there is room for, and what was taken stays as it was", () => {
  const memory = new PartMemory();
  const part = new PartBuffer(memory);
  assert.equal(part.add(Buffer.alloc(70_000, 1), 100_000), 70_000);
  assert.equal(part.add(Buffer.alloc(70_000, 2), 100_000), 30_000);
  assert.equal(part.add(Buffer.alloc(70_000, 3), 100_000), 0);
  const taken = part.take();
  assert.equal(part.bytes, 0);
  assert.equal(part.add(Buffer.alloc(10, 4), 100_000), 10);
  const expected = Buffer.concat([Buffer.alloc(70_000, 1), Buffer.alloc(30_000, 2)]);
  assert.ok(taken.equals(expected));
  assert.ok(part.take().equals(Buffer.alloc(10, 4)));
});
