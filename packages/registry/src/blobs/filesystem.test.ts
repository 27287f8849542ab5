import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { blobStoreConformance } from "./conformance.ts";
import { directAlignment, writeBackBytes } from "./file-upload.ts";
import { createFilesystemBlobs } from "./filesystem.ts";

const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });

async function temporaryDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "sampan-blobs-"));
}

/** All through the page cache. */
const pageCacheBytes = Number.MAX_SAFE_INTEGER;

for (const [name, cached] of [
  ["filesystem", pageCacheBytes],
  ["filesystem, past the page cache", 0],
] as const) {
  blobStoreConformance(name, async () => {
    const root = await temporaryDirectory();
    const options = { directory: join(root, "blobs"), pageCacheBytes: cached };
    return {
      blobs: createFilesystemBlobs(env, options),
      reopen: () => createFilesystemBlobs(env, options),
      dispose: () => rm(root, { recursive: true }),
    };
  });
}

/** Of the file's bytes those that the page cache holds, by fincore (util-linux). */
function cachedBytes(path: string): number {
  const found = spawnSync("fincore", ["--bytes", "--noheadings", "--output", "RES", path]);
  return Number.parseInt(found.stdout.toString(), 10);
}

/** Why it cannot be seen here that a write went past the page cache; false: it can. */
function noDirect(): string | false {
  if (spawnSync("fincore", ["--version"]).status !== 0) return "fincore (util-linux) is missing";
  const type = spawnSync("stat", ["--file-system", "--format=%T", tmpdir()]).stdout.toString();
  return /ext|xfs|btrfs/.test(type) ? false : `${type.trim()} may not write past the page cache`;
}

async function inDirectory(body: (root: string) => Promise<void>): Promise<void> {
  const root = await temporaryDirectory();
  try {
    await body(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test("a file lies in the directory of its first digits, not for others to read", async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: join(root, "blobs"), pageCacheBytes });
    const upload = await blobs.create();
    await upload.commit();
    const [shard = "", name = ""] = upload.location.split("/");
    assert.equal(name.slice(0, 2), shard);
    assert.deepEqual(await readdir(join(root, "blobs", shard)), [name]);
    assert.equal((await stat(join(root, "blobs", upload.location))).mode & 0o007, 0);
  });
});

test("constructing touches nothing", async () => {
  await inDirectory(async (root) => {
    createFilesystemBlobs(env, { directory: join(root, "blobs"), pageCacheBytes });
    assert.deepEqual(await readdir(root), []);
  });
});

test("files of strangers are not listed", async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: root, pageCacheBytes });
    const upload = await blobs.create();
    await upload.commit();
    await writeFile(join(root, upload.location.slice(0, 2), "README"), "hello");
    await writeFile(join(root, "lost+found"), "");
    assert.deepEqual(await blobs.list(null, 10), [upload.location]);
  });
});

test("write-back in the background does not disturb what is stored", async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: root, pageCacheBytes });
    const upload = await blobs.create();
    const chunk = Buffer.alloc(writeBackBytes / 8, 5);
    for (let index = 0; index < 18; index += 1) await upload.append(chunk);
    await upload.commit();
    assert.equal((await blobs.stat(upload.location))?.bytes, 18 * chunk.byteLength);
  });
});

/** `O_DIRECT` takes memory of whole pages only, which memory that could grow is. */
function pages(bytes: number, value: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes, { maxByteLength: bytes })).fill(value);
}

test("bytes past the page cache and through it make one blob", async () => {
  await inDirectory(async (root) => {
    const cached = 3 * directAlignment;
    const blobs = createFilesystemBlobs(env, { directory: root, pageCacheBytes: cached });
    const parts = [
      pages(2 * directAlignment, 1),
      pages(256 * 1024, 2), // begins before the mark: cached
      pages(256 * 1024, 3), // direct
      pages(256 * 1024 + 5, 4).subarray(1), // direct but for its memory, and not whole pages
      pages(256 * 1024, 5),
      pages(100, 6),
    ];
    const upload = await blobs.create();
    for (const part of parts) await upload.append(part);
    await upload.close();
    const again = await blobs.open(upload.location);
    assert.ok(again !== null);
    const tail = pages(512 * 1024 + 17, 7);
    await again.append(pages(directAlignment - (again.bytes % directAlignment), 8));
    await again.append(tail);
    await again.append(pages(70_000, 9));
    await again.commit();
    const stored = await readFile(join(root, upload.location));
    const between = stored.byteLength - Buffer.concat([...parts, tail]).byteLength - 70_000;
    assert.ok(between > 0 && between < directAlignment);
    const expected = [...parts, pages(between, 8), tail, pages(70_000, 9)];
    assert.ok(stored.equals(Buffer.concat(expected)));
  });
});

const isProcMissing = existsSync("/proc/self/fd") ? false : "open files are seen in /proc alone";

test("an upload that is closed while it appends keeps no file open", {
  skip: isProcMissing,
}, async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: root, pageCacheBytes: 0 });
    const upload = await blobs.create();
    const appended = upload.append(pages(256 * 1024, 1));
    await upload.close();
    await appended;
    const path = join(root, upload.location);
    const links = await readdir("/proc/self/fd");
    const targets = await Promise.all(
      links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => "")),
    );
    assert.deepEqual(
      targets.filter((target) => target === path),
      [],
    );
    await assert.rejects(upload.append(pages(4096, 2)), { code: "closed" });
  });
});

test("what is written past the page cache is in no page of it", { skip: noDirect() }, async () => {
  await inDirectory(async (root) => {
    const bytes = 8 * 1024 * 1024;
    const blobs = createFilesystemBlobs(env, { directory: root, pageCacheBytes: bytes / 2 });
    const upload = await blobs.create();
    for (let index = 0; index < 8; index += 1) await upload.append(pages(bytes / 8, index));
    await upload.commit();
    assert.equal(cachedBytes(join(root, upload.location)), bytes / 2);
  });
});

test("a directory that cannot be made is an IoError", async () => {
  await inDirectory(async (root) => {
    await writeFile(join(root, "file"), "");
    const blobs = createFilesystemBlobs(env, {
      directory: join(root, "file", "blobs"),
      pageCacheBytes,
    });
    await assert.rejects(blobs.create(), { name: "IoError", code: "io" });
  });
});
