// What every blob store must do. A new one is finished when this suite is green.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { test } from "node:test";
import { errorCode } from "@sampan/env";
import type { BlobBody, BlobLocation, BlobStore } from "./blobs.ts";

export interface BlobStoreWorld {
  readonly blobs: BlobStore;
  /** The store as the next process finds it, after a clean end of this one. */
  reopen(): BlobStore;
  dispose(): Promise<void>;
}

export function blobStoreConformance(name: string, create: () => Promise<BlobStoreWorld>): void {
  const check = (sentence: string, body: (world: BlobStoreWorld) => Promise<void>): void => {
    test(`${name}: ${sentence}`, async () => {
      const world = await create();
      try {
        await body(world);
      } finally {
        await world.dispose();
      }
    });
  };
  checkUploads(check);
  checkFailures(check);
  checkNames(check);
}

type Check = (sentence: string, body: (world: BlobStoreWorld) => Promise<void>) => void;

function checkUploads(check: Check): void {
  check("a committed blob reads back byte for byte", async ({ blobs }) => {
    const parts = [pattern(1, 0), pattern(70_000, 1), pattern(1 << 20, 2), pattern(3, 3)];
    const location = await store(blobs, parts);
    const whole = Buffer.concat(parts);
    assert.equal((await blobs.stat(location))?.bytes, whole.byteLength);
    assert.equal(hash(await read(blobs, location, 0, whole.byteLength)), hash(whole));
  });

  check("a range reads back, at both ends and across appends", async ({ blobs }) => {
    const whole = pattern(300_000, 4);
    const location = await store(blobs, [whole.subarray(0, 100_000), whole.subarray(100_000)]);
    for (const [start, end] of [
      [0, 1],
      [99_999, 100_001],
      [299_999, 300_000],
      [5, 5],
      [0, 300_000],
    ] as const) {
      assert.deepEqual(await read(blobs, location, start, end), whole.subarray(start, end));
    }
  });

  check("a blob without bytes is a blob", async ({ blobs }) => {
    const location = await store(blobs, []);
    assert.equal((await blobs.stat(location))?.bytes, 0);
    assert.equal((await read(blobs, location, 0, 0)).byteLength, 0);
  });

  check("an append of no bytes changes nothing", async ({ blobs }) => {
    const location = await store(blobs, [pattern(3, 1), new Uint8Array(0), pattern(2, 2)]);
    assert.equal((await blobs.stat(location))?.bytes, 5);
  });

  check("a closed upload goes on where it was, in the next process too", async (world) => {
    const first = await world.blobs.create();
    await first.append(pattern(10, 1));
    await first.close();
    const second = await openUpload(world.blobs, first.location);
    assert.equal(second.bytes, 10);
    await second.append(pattern(5, 2));
    await second.close();
    const blobs = world.reopen();
    const third = await openUpload(blobs, first.location);
    assert.equal(third.bytes, 15);
    await third.append(pattern(1, 3));
    await third.commit();
    const whole = Buffer.concat([pattern(10, 1), pattern(5, 2), pattern(1, 3)]);
    assert.deepEqual(await read(blobs, first.location, 0, 16), whole);
  });

  check("the buffer of an append belongs to the caller again", async ({ blobs }) => {
    const upload = await blobs.create();
    const buffer = Buffer.alloc(8, 1);
    await upload.append(buffer);
    buffer.fill(2);
    await upload.append(buffer);
    await upload.commit();
    const expected = Buffer.concat([Buffer.alloc(8, 1), Buffer.alloc(8, 2)]);
    assert.deepEqual(await read(blobs, upload.location, 0, 16), expected);
  });

  check("bytes counts what was appended", async ({ blobs }) => {
    const upload = await blobs.create();
    assert.equal(upload.bytes, 0);
    await upload.append(pattern(9, 1));
    assert.equal(upload.bytes, 9);
    await upload.close();
  });
}

function checkFailures(check: Check): void {
  check("what is not there is null, and deleting it is no error", async ({ blobs }) => {
    const location = await store(blobs, [pattern(4, 1)]);
    await blobs.delete(location);
    await blobs.delete(location);
    assert.equal(await blobs.stat(location), null);
    assert.equal(await blobs.open(location), null);
    await assert.rejects(read(blobs, location, 0, 4), codeIs("not-found", "ENOENT"));
  });

  for (const count of [0, 1, 7, 100]) {
    check(`of ${count} that are deleted together none is left`, async ({ blobs }) => {
      const kept = await store(blobs, [pattern(4, 1)]);
      const gone: BlobLocation[] = [];
      for (let index = 0; index < count; index += 1) gone.push(await store(blobs, [pattern(4, 1)]));
      const [absent] = gone;
      if (absent !== undefined) await blobs.delete(absent);
      await blobs.deleteAll(gone);
      assert.deepEqual(await blobs.list(null, 1_000), [kept]);
    });
  }

  check("a location that is none keeps no other from being deleted", async ({ blobs }) => {
    const gone = [await store(blobs, [pattern(4, 1)]), await store(blobs, [pattern(4, 2)])];
    const locations = [gone[0], "../none", gone[1]] as BlobLocation[];
    await assert.rejects(blobs.deleteAll(locations), codeIs("corrupt"));
    assert.deepEqual(await blobs.list(null, 10), []);
  });

  check("an upload can be deleted before its commit", async ({ blobs }) => {
    const upload = await blobs.create();
    await upload.append(pattern(4, 1));
    await upload.close();
    await blobs.delete(upload.location);
    assert.deepEqual(await blobs.list(null, 10), []);
  });

  check("a committed or closed upload takes no more", async ({ blobs }) => {
    const committed = await blobs.create();
    await committed.commit();
    await committed.close();
    await assert.rejects(committed.append(pattern(1, 1)), codeIs("closed"));
    await assert.rejects(committed.commit(), codeIs("closed"));
    const closed = await blobs.create();
    await closed.close();
    await closed.close();
    await assert.rejects(closed.append(pattern(1, 1)), codeIs("closed"));
  });

  check("a text that is no location never reaches the storage", async ({ blobs }) => {
    const uuid = "00000000-0000-4000-8000-000000000000";
    for (const text of [
      "",
      "..",
      "../../etc/passwd",
      `../${uuid}`,
      `00/../00/${uuid}`,
      `00/${uuid}/..`,
      `00/${uuid}\0`,
      `01/${uuid}`,
      `00/${uuid.toUpperCase()}x`,
      `/00/${uuid}`,
    ]) {
      const location = text as BlobLocation;
      await assert.rejects(async () => blobs.stat(location), codeIs("corrupt"), text);
      await assert.rejects(async () => blobs.open(location), codeIs("corrupt"), text);
      await assert.rejects(async () => blobs.delete(location), codeIs("corrupt"), text);
      assert.throws(() => blobs.body(location, { start: 0, end: 1 }), codeIs("corrupt"), text);
    }
  });
}

function checkNames(check: Check): void {
  check("locations are listed in rising order, page by page, uploads included", async (world) => {
    const { blobs } = world;
    const expected: BlobLocation[] = [];
    for (let index = 0; index < 40; index += 1) {
      const upload = await blobs.create();
      await (index % 2 === 0 ? upload.commit() : upload.close());
      expected.push(upload.location);
    }
    expected.sort();
    assert.equal(new Set(expected).size, 40);
    const seen: BlobLocation[] = [];
    for (;;) {
      const page = await blobs.list(seen.at(-1) ?? null, 7);
      if (page.length === 0) break;
      assert.ok(page.length <= 7);
      seen.push(...page);
    }
    assert.deepEqual(seen, expected);
    assert.deepEqual(await world.reopen().list(null, 100), expected);
  });

  check("an empty store lists nothing", async ({ blobs }) => {
    assert.deepEqual(await blobs.list(null, 10), []);
  });

  check("the age of a blob is that of its last append", async ({ blobs }) => {
    const upload = await blobs.create();
    await upload.append(pattern(1, 1));
    const before = (await blobs.stat(upload.location))?.modifiedMs ?? 0;
    await upload.append(pattern(1, 1));
    await upload.commit();
    const after = (await blobs.stat(upload.location))?.modifiedMs ?? 0;
    assert.ok(before > 0 && after >= before);
  });
}

async function store(blobs: BlobStore, parts: readonly Uint8Array[]): Promise<BlobLocation> {
  const upload = await blobs.create();
  for (const part of parts) await upload.append(part);
  await upload.commit();
  return upload.location;
}

async function openUpload(blobs: BlobStore, location: BlobLocation) {
  const upload = await blobs.open(location);
  assert.ok(upload !== null);
  return upload;
}

async function read(
  blobs: BlobStore,
  location: BlobLocation,
  start: number,
  end: number,
): Promise<Buffer> {
  const body = blobs.body(location, { start, end });
  const bytes = await readBlobBody(body);
  assert.equal(bytes.byteLength, end - start);
  return bytes;
}

/** All bytes of a body, at once: for tests. */
export async function readBlobBody(body: BlobBody): Promise<Buffer> {
  if (body.type === "bytes") return Buffer.from(body.bytes);
  const parts: Uint8Array[] = [];
  if (body.type === "stream") {
    for await (const part of await body.open()) parts.push(part);
    return Buffer.concat(parts);
  }
  const buffer = Buffer.alloc(body.end - body.start);
  const file = await open(body.path);
  try {
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, body.start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function pattern(count: number, seed: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let index = 0; index < count; index += 1) bytes[index] = (index * 31 + seed * 17) & 255;
  return bytes;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function codeIs(...codes: string[]): (error: unknown) => boolean {
  return (error) => codes.includes(errorCode(error) ?? "");
}
