// What a disk may answer to a write, which a real one answers seldom: less than was asked for, or
// that it is full.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { BlobLocation } from "./blobs.ts";
import { directAlignment, FileUpload, type WrittenFile } from "./file-upload.ts";

const chunkBytes = 64 * directAlignment;

/** Takes so many of the `length` bytes for `position`, or throws. */
type Answer = (length: number, position: number) => number;

const all: Answer = (length) => length;

function failure(code: string): Error {
  return Object.assign(new Error(`${code} by the test`), { code });
}

/** An upload into memory whose two files, past the page cache and through it, answer like that. */
function begin(answers: { readonly direct: Answer; readonly cached?: Answer }) {
  const stored = Buffer.alloc(8 * chunkBytes);
  const seen = { open: 1, direct: 0, cached: 0, synced: 0 };
  const file = (name: "direct" | "cached", answer: Answer): WrittenFile => ({
    async write(from, offset, length, position) {
      const bytesWritten = answer(length, position);
      stored.set(from.subarray(offset, offset + bytesWritten), position);
      seen[name] += bytesWritten;
      return { bytesWritten };
    },
    async datasync() {
      seen.synced += 1;
    },
    async close() {
      seen.open -= 1;
    },
  });
  const upload = new FileUpload({
    location: "00/test" as BlobLocation,
    file: file("cached", answers.cached ?? all),
    async openDirect() {
      seen.open += 1;
      return file("direct", answers.direct);
    },
    bytes: 0,
    pageCacheBytes: 0,
    writeBacks: { running: 0 },
    directWrites: { running: 0 },
    async syncNames() {
      seen.synced += 1;
    },
  });
  return { upload, stored, seen };
}

function chunk(value: number, bytes = chunkBytes): Buffer {
  const filled = Buffer.alloc(bytes);
  for (let index = 0; index < bytes; index += 1) filled[index] = value + (index >> 9);
  return filled;
}

/** Three chunks, and what came of them; the direct file must have had so much of them. */
async function storesAll(answer: Answer, directBytes: number): Promise<void> {
  const { upload, stored, seen } = begin({ direct: answer });
  const chunks = [1, 2, 3].map((value) => chunk(value));
  for (const part of chunks) await upload.append(part);
  assert.equal(upload.bytes, 3 * chunkBytes);
  await upload.commit();
  assert.ok(stored.subarray(0, upload.bytes).equals(Buffer.concat(chunks)));
  assert.deepEqual(seen, {
    open: 0,
    direct: directBytes,
    cached: 3 * chunkBytes - directBytes,
    synced: 2,
  });
}

test("direct writes that take a page at a time go on where they ended", async () => {
  await storesAll((length) => Math.min(length, directAlignment), 3 * chunkBytes);
});

test("what a direct write leaves that ended within a page goes through the cache", async () => {
  let first = true;
  const answer: Answer = (length) => {
    if (!first) return length;
    first = false;
    return directAlignment + 512;
  };
  await storesAll(answer, directAlignment + 512 + 2 * chunkBytes);
});

test("a filesystem that cannot write directly gets everything through the cache", async () => {
  const answer: Answer = () => {
    throw failure("EINVAL");
  };
  await storesAll(answer, 0);
});

test("a filesystem that gives up direct writes midway keeps what it took", async () => {
  const answer: Answer = (length, position) => {
    if (position >= chunkBytes + directAlignment) throw failure("EINVAL");
    return Math.min(length, directAlignment);
  };
  await storesAll(answer, chunkBytes + directAlignment);
});

/** Takes what has room before the mark, then says `code`. */
function until(mark: number, code: string): Answer {
  return (length, position) => {
    if (position >= mark) throw failure(code);
    return Math.min(length, mark - position);
  };
}

const room = chunkBytes + 2 * directAlignment;
for (const [name, answers] of [
  ["behind a short direct write", { direct: until(room, "ENOSPC") }],
  [
    "behind a direct write that ended within a page",
    { direct: until(room + 512, "EIO"), cached: until(room + 1024, "ENOSPC") },
  ],
] as const) {
  test(`a disk that is full ${name} is told, and told again`, async () => {
    const { upload, seen } = begin(answers);
    await upload.append(chunk(1));
    await assert.rejects(upload.append(chunk(2)), { name: "IoError", code: "disk-full" });
    assert.equal(upload.bytes, chunkBytes, "what was not answered is not counted");
    await assert.rejects(upload.append(chunk(3)), { code: "disk-full" });
    await assert.rejects(upload.commit(), { code: "disk-full" });
    await assert.rejects(upload.close(), { code: "disk-full" });
    assert.equal(seen.synced, 0);
    assert.equal(seen.open, 0, "both files are closed");
  });
}

test("a direct write of nothing ends the upload", async () => {
  const { upload } = begin({ direct: () => 0 });
  await assert.rejects(upload.append(chunk(1)), { code: "io" });
});

test("after a failure the places of direct writes are free again", async () => {
  const directWrites = { running: 0 };
  const file: WrittenFile = {
    write: () => Promise.reject(failure("ENOSPC")),
    datasync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const upload = new FileUpload({
    location: "00/test" as BlobLocation,
    file,
    openDirect: () => Promise.resolve(file),
    bytes: 0,
    pageCacheBytes: 0,
    writeBacks: { running: 0 },
    directWrites,
    syncNames: () => Promise.resolve(),
  });
  await assert.rejects(upload.append(chunk(1)), { code: "disk-full" });
  assert.equal(directWrites.running, 0);
});
