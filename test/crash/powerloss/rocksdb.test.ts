// RocksDB under power loss, through our addon: of synced batches a prefix is left, whole, in all
// families at once, and none that was answered is missing. And that the library sees every call
// that changes files, of RocksDB and of libuv: strace, which sees all, counts the same.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createSimulatedRandom } from "@sampan/env/simulated";
import { open } from "@sampan/rocksdb";
import { workspaceRoot } from "../workspace.ts";
import { parseJournal } from "./journal.ts";
import { isPowerLossSupported, type PowerLossPlace, powerLossEnvironment } from "./library.ts";
import { preparePowerLoss, restorePowerLoss, seededChoice } from "./restore.ts";

const skip = isPowerLossSupported() ? false : "needs Linux and a C compiler";
const hasStrace = spawnSync("strace", ["-qq", "true"]).status === 0;
const families = ["default", "write"];

const tracedCalls = [
  ...[
    "open",
    "openat",
    "creat",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "ftruncate",
    "fallocate",
  ],
  ...["fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "linkat"],
  ...["mkdir", "mkdirat"],
];
const callsNotModelled = [
  ...["pwritev2", "truncate", "copy_file_range", "sendfile", "splice", "syncfs", "sync", "msync"],
  ...["link", "rmdir", "symlink", "symlinkat", "mknod", "mknodat", "io_uring_enter"],
];

/** Writes rows from a number on, each in both families, and says each that was answered. */
const writer = `
  import { encodeBatch, open } from "@sampan/rocksdb";
  const [path, from, until] = process.argv.slice(1);
  const database = await open({
    path, families: ${JSON.stringify(families)}, createIfMissing: true, writeBufferBytes: 65536,
  });
  const value = Buffer.alloc(1000, 7);
  for (let row = Number(from); row < Number(until); row += 1) {
    const key = Buffer.alloc(4);
    key.writeUInt32BE(row);
    const puts = [0, 1].map((family) => ({ type: "put", family, key, value }));
    await database.write(encodeBatch(puts), { sync: true });
    process.stdout.write(row + "\\n");
  }
  await database.close();
`;

/** What a blob store does, by libuv's threads. */
const blobWriter = `
  import { mkdir, open as openFile, rename, unlink, writeFile } from "node:fs/promises";
  await mkdir(path + "/../blobs");
  const directory = await openFile(path + "/../blobs");
  for (const name of ["a", "b", "c"]) {
    const file = await openFile(path + "/../blobs/" + name, "wx");
    await file.write(value, 0, 1000, 0);
    await file.write(value, 0, 1000, 1000);
    await file.writev([value, value]);
    await file.datasync();
    await file.truncate(100);
    await file.sync();
    await file.close();
    await directory.sync();
  }
  await writeFile(path + "/../blobs/d", value);
  await rename(path + "/../blobs/a", path + "/../blobs/e");
  await unlink(path + "/../blobs/b");
`;

function writerArgs(place: PowerLossPlace, from: number, until: number, more = ""): string[] {
  const program = `${writer}${more}`;
  const node = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", program];
  return [...node, join(place.root, "kv"), String(from), String(until)];
}

async function inPlace(work: (place: PowerLossPlace) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "sampan-powerloss-test-"));
  const place = { root: join(directory, "root"), shadow: join(directory, "shadow") };
  mkdirSync(place.root);
  preparePowerLoss(place);
  try {
    await work(place);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The newest row that was answered before the kill; `from - 1` when none was. */
async function writeUntilKilled(
  place: PowerLossPlace,
  how: { readonly from: number; readonly answers: number; readonly ignored: readonly string[] },
): Promise<number> {
  const child = spawn(process.execPath, writerArgs(place, how.from, 1e9), {
    cwd: workspaceRoot(),
    env: { ...process.env, ...powerLossEnvironment(place, how.ignored) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
  let newest = how.from - 1;
  for await (const line of createInterface({ input: child.stdout })) {
    newest = Number(line);
    if (newest - how.from >= how.answers) child.kill("SIGKILL");
  }
  assert.equal(await exited, "SIGKILL");
  return newest;
}

/** How many rows there are from 0 on without a gap, the same in both families. */
async function countRows(place: PowerLossPlace): Promise<number> {
  const database = await open({ path: join(place.root, "kv"), families, createIfMissing: true });
  const counts = await Promise.all(
    families.map(async (family) => {
      const whole = { lower: Buffer.alloc(0), upper: null, reverse: false, snapshot: null };
      const cursor = database.iterate(family, whole);
      let count = 0;
      while (await cursor.next()) {
        assert.equal(cursor.key.readUInt32BE(), count, `a gap in ${family}`);
        count += 1;
      }
      cursor.close();
      return count;
    }),
  );
  await database.close();
  assert.equal(counts[0], counts[1], "the families differ");
  return counts[0] ?? 0;
}

async function rounds(ignored: readonly string[]): Promise<void> {
  await inPlace(async (place) => {
    let from = 0;
    for (let seed = 1; seed <= 6; seed += 1) {
      const random = createSimulatedRandom(seed, "rocksdb");
      const newest = await writeUntilKilled(place, { from, answers: random.int(300), ignored });
      restorePowerLoss(place, seededChoice(random));
      const rows = await countRows(place);
      assert.ok(rows > newest, `seed ${seed}: ${newest + 1} rows were answered, ${rows} are left`);
      from = rows;
      preparePowerLoss(place);
    }
  });
}

test("RocksDB loses no synced batch in a power failure, and no part of one", { skip }, () =>
  rounds([]),
);

for (const ignored of ["*.log", "kv/", "./"]) {
  test(`without the syncs of ${ignored} batches are lost`, { skip }, async () => {
    await assert.rejects(rounds([ignored]), /rows were answered|a gap|differ|CURRENT|corrupt/i);
  });
}

test("the library sees the calls that strace sees", {
  skip: skip || (hasStrace ? false : "needs strace"),
}, async () => {
  await inPlace(async (place) => {
    const trace = join(place.shadow, "..", "trace");
    const calls = [...tracedCalls, ...callsNotModelled].join();
    const environment = Object.entries(powerLossEnvironment(place));
    const done = spawnSync(
      "strace",
      [
        ...["-f", "-qq", "-y", "-s", "0", "-o", trace, "-e", `trace=${calls}`],
        ...environment.flatMap(([name, value]) => ["-E", `${name}=${value}`]),
        process.execPath,
        ...writerArgs(place, 0, 400, blobWriter),
      ],
      { cwd: workspaceRoot(), encoding: "utf8" },
    );
    assert.equal(done.status, 0, done.stderr);
    assert.ok(existsSync(join(place.root, "kv", "CURRENT")));
    assert.deepEqual(seenByLibrary(place), seenByStrace(trace, place));
  });
});

interface Seen {
  readonly fileSyncs: number;
  readonly directorySyncs: number;
  /** Names that were opened to be created. */
  readonly created: readonly string[];
  readonly renames: number;
  readonly unlinks: number;
  readonly mkdirs: number;
  readonly writes: number;
  /** What the model does not know. */
  readonly others: readonly string[];
}

function seenByLibrary(place: PowerLossPlace): Seen {
  const journal = readFileSync(join(place.shadow, "journal"), "utf8");
  const { changes, writes } = parseJournal(journal);
  const made = changes.filter((change) => !change.failed);
  const count = (verb: string): number => made.filter((change) => change.verb === verb).length;
  const lines = journal.split("\n");
  const created = made.filter((change) => change.verb === "create").map((change) => change.path);
  return {
    fileSyncs: lines.filter((line) => line.startsWith("sync ")).length,
    directorySyncs: lines.filter((line) => line.startsWith("syncdir ")).length,
    created: [...new Set(created)].sort(),
    renames: count("rename"),
    unlinks: count("unlink"),
    mkdirs: count("mkdir"),
    writes,
    others: [],
  };
}

function seenByStrace(trace: string, place: PowerLossPlace): Seen {
  const inside = `${place.root}/`;
  const isInside = ({ args }: TracedCall): boolean =>
    args.includes(inside) || args.includes(`${place.root}>`);
  const calls = parseTrace(readFileSync(trace, "utf8")).filter(isInside);
  const syncs = calls.filter((call) => /^f(data)?sync$/.test(call.name));
  const isDirectory = (call: TracedCall): boolean => /\/(kv|blobs|root)>$/.test(call.args);
  const named = (name: RegExp): TracedCall[] => calls.filter((call) => name.test(call.name));
  const opens = named(/^open(at)?$/).filter((call) => call.args.includes("O_CREAT"));
  const created = opens.map((call) => nameOf(call).slice(inside.length));
  const writes = named(/^p?writev?(64)?$/);
  const known = /^(f(data)?sync|openat|p?writev?(64)?|ftruncate|fallocate|linkat)$/;
  const names = /^(rename(at)?|unlink(at)?|mkdir(at)?)$/;
  return {
    fileSyncs: syncs.filter((call) => !isDirectory(call)).length,
    directorySyncs: syncs.filter(isDirectory).length,
    created: [...new Set(created)].sort(),
    renames: named(/^rename/).length,
    unlinks: named(/^unlink/).length,
    mkdirs: named(/^mkdir/).length,
    writes: writes.length,
    others: calls.filter(({ name }) => !known.test(name) && !names.test(name)).map(String),
  };
}

function nameOf(call: TracedCall): string {
  return normalize(/"([^"]+)"/.exec(call.args)?.[1] ?? "");
}

interface TracedCall {
  readonly name: string;
  readonly args: string;
}

/** The calls that succeeded; one that was interrupted by another thread's lines is put together. */
function parseTrace(text: string): TracedCall[] {
  const unfinished = new Map<string, string>();
  const calls: TracedCall[] = [];
  for (const line of text.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const start = /^(.*) <unfinished \.\.\.>$/.exec(rest)?.[1];
    if (start !== undefined) {
      unfinished.set(thread, start);
      continue;
    }
    const end = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const whole = end === undefined ? rest : (unfinished.get(thread) ?? "") + end;
    const [, name, args = "", result] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(whole) ?? [];
    if (name !== undefined && Number(result) >= 0) calls.push({ name, args });
  }
  return calls;
}
