import assert from "node:assert/strict";
import { test } from "node:test";
import { createChunkRelease } from "./chunk-release.ts";

function owned(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes)).fill(7);
}

test("the memory of a large chunk is gone at once", () => {
  const chunk = owned(65_536);
  createChunkRelease().release(chunk);
  assert.equal(chunk.byteLength, 0);
  assert.equal(chunk.buffer.byteLength, 0);
});

test("a chunk that is part of other memory, shared or small is left alone", () => {
  const { release } = createChunkRelease();
  const slab = owned(65_536);
  const part = slab.subarray(0, 40_000);
  release(part);
  assert.equal(part[39_999], 7);
  const shared = Buffer.from(new SharedArrayBuffer(65_536));
  release(shared);
  assert.equal(shared.byteLength, 65_536);
  const small = owned(1_000);
  release(small);
  assert.equal(small[999], 7);
});

test("a chunk that was released may be released again", () => {
  const { release } = createChunkRelease();
  const chunk = owned(65_536);
  release(chunk);
  release(chunk);
  assert.equal(chunk.byteLength, 0);
});
