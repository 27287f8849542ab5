import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { blobStoreConformance } from "./conformance.ts";
import { createFilesystemBlobs, writeBackBytes } from "./filesystem.ts";

const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });

async function temporaryDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "sampan-blobs-"));
}

blobStoreConformance("filesystem", async () => {
  const root = await temporaryDirectory();
  const directory = join(root, "blobs");
  return {
    blobs: createFilesystemBlobs(env, { directory }),
    reopen: () => createFilesystemBlobs(env, { directory }),
    dispose: () => rm(root, { recursive: true }),
  };
});

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
    const blobs = createFilesystemBlobs(env, { directory: join(root, "blobs") });
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
    createFilesystemBlobs(env, { directory: join(root, "blobs") });
    assert.deepEqual(await readdir(root), []);
  });
});

test("files of strangers are not listed", async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: root });
    const upload = await blobs.create();
    await upload.commit();
    await writeFile(join(root, upload.location.slice(0, 2), "README"), "hello");
    await writeFile(join(root, "lost+found"), "");
    assert.deepEqual(await blobs.list(null, 10), [upload.location]);
  });
});

test("write-back in the background does not disturb what is stored", async () => {
  await inDirectory(async (root) => {
    const blobs = createFilesystemBlobs(env, { directory: root });
    const upload = await blobs.create();
    const chunk = Buffer.alloc(writeBackBytes / 8, 5);
    for (let index = 0; index < 18; index += 1) await upload.append(chunk);
    await upload.commit();
    assert.equal((await blobs.stat(upload.location))?.bytes, 18 * chunk.byteLength);
  });
});

test("a directory that cannot be made is an IoError", async () => {
  await inDirectory(async (root) => {
    await writeFile(join(root, "file"), "");
    const blobs = createFilesystemBlobs(env, { directory: join(root, "file", "blobs") });
    await assert.rejects(blobs.create(), { name: "IoError", code: "io" });
  });
});
