// Which blobs a data directory starts with, and which it refuses.

import { equal, match } from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { startTestS3, type TestS3Server } from "@sampan/registry/blobs/s3/testing";
import { openBlobStore } from "./blob-store.ts";
import { type Config, readEnvironment, resolveConfig } from "./config/config.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory/data-directory.ts";

const quiet = { level: "error", format: "json", stream: { write: () => undefined } } as const;
const env = createNodeEnv({ service: "test", log: quiet });

interface World {
  readonly s3: TestS3Server;
  readonly directory: DataDirectory;
  /** Opens, stores one blob if asked to, and closes. The error, or null. */
  open(blobs: string, store?: "store"): Promise<string | null>;
}

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "sampan-blob-store-"));
  const s3 = await startTestS3(env.clock, { bucket: "images", accessKeyId: "AKID" });
  const opened = await openDataDirectory(env.log, { path, create: "directory", version: "1" });
  if (!opened.ok) throw new Error(opened.error);
  const directory = opened.value;
  try {
    await work({ s3, directory, open: (blobs, store) => open({ s3, directory }, blobs, store) });
  } finally {
    await directory.release();
    await s3.close();
    await rm(path, { recursive: true });
  }
}

async function open(
  { s3, directory }: Pick<World, "s3" | "directory">,
  blobs: string,
  store?: "store",
): Promise<string | null> {
  const opened = await openBlobStore(env, { directory, config: configOf(s3, blobs) });
  if (!opened.ok) return opened.error;
  if (store !== undefined) await (await opened.value.blobs.create()).commit();
  opened.value.close();
  return null;
}

function configOf(s3: TestS3Server, SAMPAN_BLOBS: string): Config {
  const s3Settings = {
    SAMPAN_S3_ENDPOINT: s3.endpoint,
    SAMPAN_S3_ACCESS_KEY: "AKID",
    SAMPAN_S3_SECRET_KEY: "secret",
  };
  const isS3 = SAMPAN_BLOBS.startsWith("s3:");
  const resolved = resolveConfig([
    readEnvironment({ SAMPAN_BLOBS, ...(isS3 ? s3Settings : {}) }, []),
  ]);
  if (!resolved.ok) throw new Error(resolved.error.join("\n"));
  return resolved.value.config;
}

test("a data directory keeps the bucket that it began with", async () => {
  await inWorld(async ({ s3, open }) => {
    equal(await open("s3://images/eu", "store"), null);
    equal(await open("s3://images/eu"), null);
    equal([...s3.bucket.objects.keys()].filter((key) => key.startsWith("eu/blobs/")).length, 1);
    match((await open("s3://images/us")) ?? "", /lie in s3:\/\/images\/eu\/, not in .*\/us\//);
    match((await open("filesystem")) ?? "", /lie in s3:\/\/images\/eu\/; start with --blobs s3/);
  });
});

test("a bucket that was the wrong one may be corrected", async () => {
  await inWorld(async ({ open }) => {
    match((await open("s3://absent")) ?? "", /no such bucket/);
    equal(await open("s3://images/eu"), null);
  });
});

test("a start that was refused leaves the filesystem open", async () => {
  await inWorld(async ({ open }) => {
    match((await open("s3://absent")) ?? "", /no such bucket/);
    equal(await open("filesystem", "store"), null);
    match((await open("s3://images")) ?? "", /holds blobs, and blobs do not move/);
    equal(await open("filesystem"), null);
  });
});

test("blobs that are in the directory do not move by a setting", async () => {
  await inWorld(async ({ open }) => {
    equal(await open("filesystem", "store"), null);
    match((await open("s3://images")) ?? "", /holds blobs, and blobs do not move/);
  });
});

test("two data directories never share a bucket", async () => {
  await inWorld(async (first) => {
    equal(await first.open("s3://images", "store"), null);
    await inWorld(async ({ directory }) => {
      const said = await open({ s3: first.s3, directory }, "s3://images");
      match(said ?? "", /holds the blobs of another data directory/);
    });
  });
});

test("a damaged note of the place is told, not guessed around", async () => {
  await inWorld(async ({ directory, open }) => {
    const path = join(directory.path, "BLOBS");
    for (const text of ["", "null", '{"place":1}']) {
      await writeFile(path, text);
      match((await open("filesystem")) ?? "", /^.*BLOBS: /);
    }
    equal(await readFile(path, "utf8"), '{"place":1}');
  });
});
