import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferPool } from "./buffer-pool.ts";

const MiB = 1024 * 1024;

function bufferBytes(streams: number, wanted: number): number {
  const pool = new BufferPool();
  for (let stream = 0; stream < streams; stream += 1) pool.enter();
  return pool.take(wanted).bytes.byteLength;
}

test("buffers are large for few streams and small for many", () => {
  assert.equal(bufferBytes(1, 10 * MiB), MiB);
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

test("memory that was sent away is not given out", () => {
  const pool = new BufferPool();
  const buffer = pool.take(MiB);
  structuredClone(buffer.bytes.buffer, { transfer: [buffer.bytes.buffer as ArrayBuffer] });
  pool.give(buffer);
  assert.equal(pool.take(MiB).bytes.byteLength, MiB);
});

test("each buffer has memory of its own", () => {
  const pool = new BufferPool();
  const { bytes } = pool.take(1);
  assert.equal(bytes.byteOffset, 0);
  assert.equal(bytes.buffer.byteLength, bytes.byteLength);
});
