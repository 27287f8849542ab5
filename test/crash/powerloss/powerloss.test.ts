// The power-loss library against programs that are killed: each line of a script is a step of one.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { isPowerLossSupported, type PowerLossPlace, powerLossEnvironment } from "./library.ts";
import { type Choice, type Fate, preparePowerLoss, restorePowerLoss } from "./restore.ts";

const skip = isPowerLossSupported() ? false : "needs Linux and a C compiler";

/** Short words for the steps of a program, in its working directory, the root. */
const prelude = `
  const fs = require("node:fs");
  const open = (path, flags = "r+") => fs.openSync(path, flags);
  const sync = (path) => { const f = open(path, "r"); fs.fsyncSync(f); fs.closeSync(f); };
  const write = (path, text, at = 0) => {
    const f = open(path, fs.existsSync(path) ? "r+" : "w");
    fs.writeSync(f, text, at);
    fs.closeSync(f);
  };
  const kill = () => process.kill(process.pid, "SIGKILL");
`;

interface Run {
  readonly before?: Readonly<Record<string, string>>;
  readonly script: string;
  readonly ignored?: readonly string[];
  readonly choice?: Choice;
}

function chooses(fate: Fate, keep: (pending: number) => number, seed = 1): Choice {
  const { random } = createSimulatedWorld(seed).env;
  return { keepChanges: keep, fate: () => fate, random };
}

const nothing = chooses("nothing", () => 0);
const everything = chooses("all", (pending) => pending);

/** Runs the script on the files, kills it, takes the power away: the files that are left. */
function after(run: Run): Record<string, string> {
  return inPlace((place) => {
    for (const [path, text] of Object.entries(run.before ?? {})) {
      mkdirSync(join(place.root, path, ".."), { recursive: true });
      writeFileSync(join(place.root, path), text);
    }
    preparePowerLoss(place);
    const done = runScript(place, run);
    assert.equal(done.signal, "SIGKILL", done.stderr);
    restorePowerLoss(place, run.choice ?? nothing);
    return contents(place.root);
  });
}

function inPlace<T>(work: (place: PowerLossPlace) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "sampan-powerloss-test-"));
  const place = { root: join(directory, "root"), shadow: join(directory, "shadow") };
  mkdirSync(place.root);
  try {
    return work(place);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function runScript(place: PowerLossPlace, run: Run) {
  const program = `${prelude}\n${run.script}\nkill();`;
  return spawnSync(process.execPath, ["-e", program], {
    cwd: place.root,
    env: { ...process.env, ...powerLossEnvironment(place, run.ignored) },
    encoding: "utf8",
  });
}

function contents(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(root.length + 1), readFileSync(path, "utf8")]),
  );
}

function check(name: string, run: Run, expected: Record<string, string>): void {
  test(name, { skip }, () => assert.deepEqual(after(run), expected));
}

check("what was there before stays", { before: { a: "old" }, script: "" }, { a: "old" });
check(
  "a write that was not synced is lost",
  { before: { a: "" }, script: `write("a", "new")` },
  { a: "" },
);
check(
  "a write that was synced stays",
  { before: { a: "" }, script: `write("a", "new"); sync("a")` },
  { a: "new" },
);
check(
  "of a file that grows what was synced last stays",
  { before: { a: "" }, script: `write("a", "one"); sync("a"); write("a", "two", 3)` },
  { a: "one" },
);
check(
  "bytes that were overwritten come back",
  { before: { a: "abcdef" }, script: `write("a", "XY", 2); write("a", "Z", 3)` },
  { a: "abcdef" },
);
check(
  "bytes that were overwritten and synced do not come back, later ones do",
  { before: { a: "abcdef" }, script: `write("a", "XY", 2); sync("a"); write("a", "ZZZ", 1)` },
  { a: "abXYef" },
);
check(
  "a tail that was cut off comes back",
  { before: { a: "abcdef" }, script: `fs.truncateSync("a", 2); write("a", "Q", 2)` },
  { a: "abcdef" },
);
check(
  "a file that was truncated by opening comes back",
  { before: { a: "abcdef" }, script: `fs.writeFileSync("a", "xy")` },
  { a: "abcdef" },
);
check(
  "a new file is gone without a sync of its directory, synced as it may be itself",
  { script: `write("a", "new"); sync("a")` },
  {},
);
check(
  "a new file in a synced directory is empty without a sync of its own",
  { script: `write("a", "new"); sync(".")` },
  { a: "" },
);
check(
  "a new file stays after both syncs",
  { script: `write("a", "new"); sync("a"); sync(".")` },
  { a: "new" },
);
check(
  "a sync of a directory covers what came before it only",
  { script: `write("a", "1"); sync("a"); sync("."); write("b", "2"); sync("b")` },
  { a: "1" },
);
check(
  "a rename is undone without a sync of the directory",
  {
    before: { current: "one" },
    script: `write("tmp", "two"); sync("tmp"); sync("."); fs.renameSync("tmp", "current")`,
  },
  { current: "one", tmp: "two" },
);
check(
  "a rename stays after a sync of the directory",
  {
    before: { current: "one" },
    script: `write("tmp", "two"); sync("tmp"); fs.renameSync("tmp", "current"); sync(".")`,
  },
  { current: "two" },
);
check(
  "a rename over a file, then another: both are undone in order",
  {
    before: { a: "a", b: "b", c: "c" },
    script: `fs.renameSync("b", "a"); fs.renameSync("c", "a"); fs.unlinkSync("a")`,
  },
  { a: "a", b: "b", c: "c" },
);
check(
  "a file that was deleted comes back as it was synced last",
  { before: { a: "old" }, script: `write("a", "newer"); sync("a"); fs.unlinkSync("a")` },
  { a: "newer" },
);
check(
  "a deletion stays after a sync of the directory",
  { before: { a: "old" }, script: `fs.unlinkSync("a"); sync(".")` },
  {},
);
check(
  "a deleted name that is used again gets its first file back",
  { before: { a: "old" }, script: `fs.unlinkSync("a"); write("a", "new"); sync("a")` },
  { a: "old" },
);
check(
  "a directory that its parent does not know takes everything in it along",
  { script: `fs.mkdirSync("d"); write("d/a", "new"); sync("d/a"); sync("d")` },
  {},
);
check(
  "a directory, its parent and its file, all synced, stay",
  { script: `fs.mkdirSync("d"); write("d/a", "new"); sync("d/a"); sync("d"); sync(".")` },
  { "d/a": "new" },
);
check(
  "a directory that takes the number of a deleted file's inode is its own",
  {
    script: `write("x", "1"); sync("x"); sync("."); fs.unlinkSync("x"); sync(".");
      fs.mkdirSync("d"); write("d/a", "new"); sync("d/a"); sync("d"); sync(".")`,
  },
  { "d/a": "new" },
);
check(
  "a removed tree comes back",
  { before: { "d/a": "1", "d/e/b": "2" }, script: `fs.rmSync("d", { recursive: true })` },
  { "d/a": "1", "d/e/b": "2" },
);
check(
  "a hard link goes, the file stays",
  { before: { a: "old" }, script: `fs.linkSync("a", "b")` },
  { a: "old" },
);
check(
  "a creation that fails leaves nothing to undo",
  { before: { a: "1" }, script: `try { open("d/x", "w") } catch {} write("b", "2"); sync("b")` },
  { a: "1" },
);
check(
  "a write through O_DSYNC is a sync",
  {
    before: { a: "" },
    script: `const f = fs.openSync("a", fs.constants.O_WRONLY | fs.constants.O_DSYNC);
      fs.writeSync(f, "one"); fs.writeSync(f, "two")`,
  },
  { a: "onetwo" },
);
check(
  "appending and asynchronous writes are seen",
  {
    before: { a: "one" },
    script: `fs.appendFileSync("a", "two"); sync("a"); fs.appendFileSync("a", "three");`,
  },
  { a: "onetwo" },
);
check(
  "an ignored sync of a file is none",
  { before: { "x.log": "" }, script: `write("x.log", "new"); sync("x.log")`, ignored: ["*.log"] },
  { "x.log": "" },
);
check(
  "an ignored sync of directories is none",
  { script: `write("a", "new"); sync("a"); sync(".")`, ignored: ["*/"] },
  {},
);
check(
  "only the named directory is ignored",
  {
    script: `fs.mkdirSync("d"); write("d/a", "1"); sync("d/a"); sync("d");
      write("b", "2"); sync("b"); sync(".")`,
    ignored: ["d/"],
  },
  { b: "2" },
);
check(
  "with the choice of everything nothing is lost",
  {
    before: { a: "old" },
    script: `write("b", "new"); fs.renameSync("b", "c"); write("a", "NEWER"); fs.mkdirSync("d")`,
    choice: everything,
  },
  { a: "NEWER", c: "new" },
);
check(
  "a prefix of the changes stays",
  {
    script: `for (const name of ["a", "b", "c"]) { write(name, name); sync(name) }`,
    choice: chooses("nothing", () => 2),
  },
  { a: "a", b: "b" },
);

test("a prefix of the bytes stays, whatever its length", { skip }, () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 12; seed += 1) {
    const { a = "" } = after({
      before: { a: "" },
      script: `write("a", "durable-"); sync("a"); write("a", "0123456789".repeat(50), 8)`,
      choice: chooses("prefix", () => 0, seed),
    });
    assert.ok(a.startsWith("durable-"));
    assert.ok(`durable-${"0123456789".repeat(50)}`.startsWith(a));
    lengths.add(a.length);
  }
  assert.ok(lengths.size > 6, `${lengths.size} different lengths`);
});

test("torn bytes are new, old or zero by sectors of 512", { skip }, () => {
  const old = "o".repeat(2000);
  const { a = "" } = after({
    before: { a: old },
    script: `write("a", "n".repeat(9000), 0)`,
    choice: chooses("torn", () => 0, 3),
  });
  assert.equal(a.length, 9000);
  const seen = new Set<string>();
  for (let at = 0; at < a.length; at += 512) {
    const sector = a.slice(at, at + 512);
    assert.match(sector, /^(n+|o+\0*|\0+)$/);
    seen.add(sector[0] ?? "");
  }
  assert.deepEqual([...seen].sort(), ["\0", "n", "o"]);
});

test("syncs and writes of many threads lose nothing that was answered", { skip }, () => {
  const script = `
    const { open } = require("node:fs/promises");
    const one = async (name) => {
      const file = await open(name, "w");
      const directory = await open(".", "r");
      await directory.sync();
      for (let turn = 0; ; turn += 1) {
        await file.write("x".repeat(100));
        await file.sync();
        fs.writeSync(1, name + " " + (turn + 1) * 100 + "\\n");
      }
    };
    for (const name of ["a", "b", "c", "d", "e", "f"]) one(name);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);
  `;
  inPlace((place) => {
    preparePowerLoss(place);
    const done = spawnSync(process.execPath, ["-e", `const fs = require("node:fs");${script}`], {
      cwd: place.root,
      env: { ...process.env, ...powerLossEnvironment(place), UV_THREADPOOL_SIZE: "8" },
      encoding: "utf8",
    });
    assert.equal(done.signal, "SIGKILL", done.stderr);
    restorePowerLoss(place, nothing);
    const left = contents(place.root);
    const answered = done.stdout.split("\n").slice(0, -1);
    assert.ok(answered.length > 50, `${answered.length} answers`);
    for (const [name = "", bytes = ""] of answered.map((line) => line.split(" "))) {
      assert.ok((left[name]?.length ?? 0) >= Number(bytes), `${name} ${bytes}`);
    }
  });
});

test("a call that the model does not know ends the program with a clear word", { skip }, () => {
  inPlace((place) => {
    mkdirSync(join(place.root, "d"));
    preparePowerLoss(place);
    const done = runScript(place, { script: `fs.renameSync("d", "e")` });
    assert.match(done.stderr, /powerloss: rename of a directory: d/);
    assert.ok(existsSync(join(place.root, "d")));
    assert.throws(() => restorePowerLoss(place, nothing), /rename of a directory/);
  });
});

test("a change that the library did not see is found", { skip }, () => {
  const unseen = (change: (root: string) => void, expected: RegExp): void =>
    inPlace((place) => {
      writeFileSync(join(place.root, "a"), "1");
      preparePowerLoss(place);
      change(place.root);
      assert.throws(() => restorePowerLoss(place, nothing), expected);
    });
  unseen((root) => writeFileSync(join(root, "b"), "2"), /b appeared unseen/);
  unseen((root) => writeFileSync(join(root, "a"), "22"), /a was written unseen/);
  unseen((root) => rmSync(join(root, "a")), /a went away unseen/);
});
