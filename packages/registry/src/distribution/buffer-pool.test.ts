import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferPool, copyInto, newBuffer } from "./buffer-pool.ts";

const MiB = 1024 * 1024;

function bufferBytes(streams: number, wanted: number): number {
  const pool = new BufferPool();
  for (let stream = 0; stream < streams; stream += 1) pool.enter();
  return pool.take(wanted).bytes.byteLength;
}

test("buffers are large for few streams and small for many", () => {
  assert.equal(bufferBytes(1, 10 * MiB), 4 * MiB);
  assert.equal(bufferBytes(4, 10 * MiB), 4 * MiB);
  assert.equal(bufferBytes(5, 10 * MiB), MiB);
  assert.equal(bufferBytes(16, 10 * MiB), MiB);
  assert.equal(bufferBytes(17, 10 * MiB), MiB / 4);
  assert.equal(bufferBytes(128, 10 * MiB), MiB / 4);
  assert.equal(bufferBytes(129, 10 * MiB), MiB / 16);
});

test("a buffer is no larger than what is left to move needs", () => {
  assert.equal(bufferBytes(1, 1), MiB / 16);
  assert.equal(bufferBytes(1, MiB / 16), MiB / 16);
  assert.equal(bufferBytes(1, MiB / 16 + 1), MiB / 4);
  assert.equal(bufferBytes(1, MiB / 4 + 1), MiB);
  assert.equal(bufferBytes(1, MiB), MiB);
  assert.equal(bufferBytes(1, MiB + 1), 4 * MiB);
});

test("a buffer that was given back is taken again", () => {
  const pool = new BufferPool();
  const first = pool.take(MiB);
  pool.give(first);
  assert.equal(pool.take(MiB), first);
  assert.notEqual(pool.take(MiB), first);
});

test("no more than 32 MiB wait to be taken again", () => {
  const pool = new BufferPool();
  const taken = new Set(Array.from({ length: 40 }, () => pool.take(MiB)));
  for (const buffer of taken) pool.give(buffer);
  const again = Array.from({ length: 40 }, () => pool.take(MiB));
  assert.equal(again.filter((buffer) => taken.has(buffer)).length, 32);
});

/** How many buffers of one size, 32 MiB of them, the pool keeps that is full of another size. */
function keptBehind(other: number, bytes: number): number {
  const pool = new BufferPool();
  const count = (32 * MiB) / bytes;
  const others = Array.from({ length: (32 * MiB) / other }, () => pool.take(other));
  const taken = new Set(Array.from({ length: count }, () => pool.take(bytes)));
  for (const buffer of [...others, ...taken]) pool.give(buffer);
  const again = Array.from({ length: count }, () => pool.take(bytes));
  return again.filter((buffer) => taken.has(buffer)).length;
}

test("large buffers make way for those that more streams take", () => {
  assert.equal(keptBehind(4 * MiB, MiB), 32);
});

test("small buffers, which many streams left, make way for those that few streams take", () => {
  assert.equal(keptBehind(MiB / 4, 4 * MiB), 8);
  assert.equal(keptBehind(MiB / 16, MiB), 32);
});

/** How many of so many small buffers the pool still has, after so many streams have left it. */
function keptSmall(count: number, streams: { readonly open: number; readonly left: number }) {
  const pool = new BufferPool();
  for (let stream = 0; stream < streams.open; stream += 1) pool.enter();
  const taken = new Set(Array.from({ length: count }, () => pool.take(1)));
  for (const buffer of taken) pool.give(buffer);
  for (let stream = 0; stream < streams.left; stream += 1) pool.leave();
  const again = Array.from({ length: count }, () => pool.take(1));
  return again.filter((buffer) => taken.has(buffer)).length;
}

test("what many streams may ask for again is kept while they are open, and no longer", () => {
  assert.equal(keptSmall(2_000, { open: 500, left: 0 }), 2_000);
  assert.equal(keptSmall(2_500, { open: 500, left: 0 }), 2_000);
  assert.equal(keptSmall(2_000, { open: 500, left: 200 }), 1_200);
  assert.equal(keptSmall(2_000, { open: 500, left: 500 }), 512);
});

test("a part is copied to its place and nowhere else", () => {
  const { bytes } = newBuffer(8);
  copyInto(bytes, Buffer.from([1, 2, 3]), 2);
  copyInto(bytes, new Uint8Array(0), 8);
  copyInto(bytes, new Uint8Array([9]), 7);
  assert.deepEqual([...bytes], [0, 0, 1, 2, 3, 0, 0, 9]);
});

test("each buffer has memory of its own", () => {
  const pool = new BufferPool();
  const { bytes, memory } = pool.take(1);
  assert.equal(bytes.buffer, memory);
  assert.equal(bytes.byteLength, memory.byteLength);
});

test("the collector knows what the buffers weigh", () => {
  const before = process.memoryUsage().external;
  const held = Array.from({ length: 8 }, () => newBuffer(4 * MiB));
  const grown = process.memoryUsage().external - before;
  assert.ok(grown > 30 * MiB, `${held.length} buffers, of which V8 counts ${grown} bytes`);
});
