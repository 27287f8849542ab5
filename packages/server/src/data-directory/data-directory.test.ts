// Second starts, leftovers of crashes, newer formats, foreign and broken directories.

import { deepEqual, equal, match } from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Log } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import {
  type DataDirectory,
  type DataDirectoryOptions,
  openDataDirectory,
} from "./data-directory.ts";

interface World {
  readonly base: string;
  readonly path: string;
  readonly lines: string[];
  readonly log: Log;
}

async function createWorld(context: TestContext): Promise<World> {
  const base = await mkdtemp(join(tmpdir(), "sampan-data-"));
  context.after(() => rm(base, { recursive: true }));
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const { log } = createNodeEnv({
    service: "test",
    log: { level: "info", format: "json", stream },
  });
  return { base, path: join(base, "data"), lines, log };
}

type Create = DataDirectoryOptions["create"];

async function open(world: World, path = world.path, create: Create = "directory") {
  return await openDataDirectory(world.log, { path, create, version: "1.2.3" });
}

async function opened(world: World): Promise<DataDirectory> {
  const result = await open(world);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

async function refusal(world: World, path = world.path): Promise<string> {
  const result = await open(world, path);
  if (!result.ok) return result.error;
  await result.value.release();
  return "";
}

test("the first opening makes the directory for its owner alone", async (context) => {
  const world = await createWorld(context);
  const directory = await opened(world);
  equal(directory.created, true);
  equal((await stat(world.path)).mode & 0o777, 0o700);
  equal((await stat(directory.kv)).mode & 0o777, 0o700);
  deepEqual((await readdir(world.path)).sort(), ["FORMAT", "LOCK", "blobs", "kv"]);
  const format = JSON.parse(await readFile(join(world.path, "FORMAT"), "utf8"));
  deepEqual(format, { format: "sampan-data", version: 1, createdBy: "1.2.3" });
  await directory.release();
  await directory.release();
  deepEqual((await readdir(world.path)).sort(), ["FORMAT", "blobs", "kv"]);
});

test("a later opening finds what the first one made", async (context) => {
  const world = await createWorld(context);
  await (await opened(world)).release();
  const directory = await opened(world);
  equal(directory.created, false);
  await directory.release();
});

test("a second opening is refused and names the process that holds it", async (context) => {
  const world = await createWorld(context);
  const directory = await opened(world);
  match(await refusal(world), new RegExp(`in use by another sampan, process ${process.pid} on `));
  await directory.release();
  equal(await refusal(world), "");
});

test("of many that open at once one gets it", async (context) => {
  const world = await createWorld(context);
  const results = await Promise.all(Array.from({ length: 8 }, () => open(world)));
  equal(results.filter((result) => result.ok).length, 1);
});

test("the lock of a process that is gone is taken over", async (context) => {
  const world = await createWorld(context);
  const [self, boot] = [await startOf(process.pid), await bootId()];
  const host = "elsewhere";
  const gone = [
    // No pid can be as high as that (PID_MAX_LIMIT is 2^22).
    { pid: 2 ** 22 + 1, started: "1", boot, host },
    // The pid is in use again, by a process that started at another time.
    { pid: process.pid, started: `${self}0`, boot, host },
    // The same pid and ticks, before the last boot.
    { pid: process.pid, started: self, boot: "another", host },
  ];
  for (const holder of gone) {
    await (await opened(world)).release();
    await writeFile(join(world.path, "LOCK"), JSON.stringify(holder));
    const directory = await opened(world);
    const line = JSON.parse(world.lines.pop() ?? "{}");
    match(line.msg, /did not stop cleanly/);
    equal(line.pid, holder.pid);
    await directory.release();
  }
});

test("a lock that a power failure left empty or torn is taken over", async (context) => {
  const world = await createWorld(context);
  for (const text of ["", '{"pid":', "\0\0\0\0", "{}", "null"]) {
    await (await opened(world)).release();
    await writeFile(join(world.path, "LOCK"), text);
    equal(await refusal(world), "", JSON.stringify(text));
  }
});

test("a lock is let go of only by its owner", async (context) => {
  const world = await createWorld(context);
  const directory = await opened(world);
  await writeFile(join(world.path, "LOCK"), "another's");
  await directory.release();
  equal(await readFile(join(world.path, "LOCK"), "utf8"), "another's");
});

test("a newer format is refused with both versions and the way out", async (context) => {
  const world = await createWorld(context);
  await (await opened(world)).release();
  const format = { format: "sampan-data", version: 7, createdBy: "9.0.0" };
  await writeFile(join(world.path, "FORMAT"), JSON.stringify(format));
  const word = await refusal(world);
  match(word, /has data format 7, this sampan knows up to 1; start the newer version .*9\.0\.0/);
  equal((await readdir(world.path)).includes("LOCK"), false);
});

test("a damaged format file is refused", async (context) => {
  const world = await createWorld(context);
  await (await opened(world)).release();
  for (const text of ["", "{", "null", '{"format":"other","version":1}', '{"version":1}']) {
    await writeFile(join(world.path, "FORMAT"), text);
    match(await refusal(world), /FORMAT is damaged/, text);
  }
});

test("an interrupted creation goes on", async (context) => {
  const world = await createWorld(context);
  await mkdir(join(world.path, "kv"), { recursive: true });
  await mkdir(join(world.path, "lost+found"));
  await writeFile(join(world.path, "FORMAT.new"), "{");
  const directory = await opened(world);
  equal(directory.created, true);
  await directory.release();
});

test("a directory with other content is left alone", async (context) => {
  const world = await createWorld(context);
  await mkdir(world.path);
  await writeFile(join(world.path, "letter.txt"), "");
  match(await refusal(world), /holds letter.txt but no FORMAT file/);
  deepEqual(await readdir(world.path), ["letter.txt"]);
});

test("data without its format file is not taken for a fresh directory", async (context) => {
  const world = await createWorld(context);
  const directory = await opened(world);
  await writeFile(join(directory.kv, "CURRENT"), "");
  await directory.release();
  await rm(join(world.path, "FORMAT"));
  match(await refusal(world), /holds kv\/CURRENT but no FORMAT file/);
});

test("a missing part is told, not made anew", async (context) => {
  const world = await createWorld(context);
  await (await opened(world)).release();
  await rm(join(world.path, "blobs"), { recursive: true });
  match(await refusal(world), /blobs is missing, its data with it; is a disk not mounted\?/);
});

test("a path that cannot be a directory is told with the next step", async (context) => {
  const world = await createWorld(context);
  const file = join(world.base, "file");
  await writeFile(file, "");
  match(await refusal(world, file), /is, or lies in, something that is no directory/);
  match(await refusal(world, join(file, "data")), /is, or lies in, something that is no directory/);
  match(await refusal(world, join(world.base, "a", "b")), /directory above .* does not exist/);
});

test("parents are made when asked for", async (context) => {
  const world = await createWorld(context);
  const result = await open(world, join(world.base, "a", "b", "c"), "parents");
  equal(result.ok && result.value.created, true);
  equal((await stat(join(world.base, "a"))).mode & 0o777, 0o700);
});

test("who needs data that is there makes none", async (context) => {
  const world = await createWorld(context);
  const refused = await open(world, world.path, "nothing");
  match(
    refused.ok ? "" : refused.error,
    /holds no data of Sampan; name the directory with --data$/,
  );
  deepEqual(await readdir(world.base), []);
  await (await opened(world)).release();
  const found = await open(world, world.path, "nothing");
  equal(found.ok && found.value.created, false);
});

test("a directory that everybody can enter is warned of", async (context) => {
  const world = await createWorld(context);
  await mkdir(world.path);
  await chmod(world.path, 0o755);
  await (await opened(world)).release();
  match(world.lines.join(""), /every user of this machine can enter/);
});

test("a directory that this user may not write is told", async (context) => {
  if (process.getuid?.() === 0) {
    context.skip("root may write everywhere");
    return;
  }
  const world = await createWorld(context);
  await mkdir(world.path, { mode: 0o500 });
  match(await refusal(world), /may not be read and written by this user \(uid \d+\)/);
});

async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}
