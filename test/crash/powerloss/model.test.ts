// The library against a naive model of a disk, on random programs: a file is what it was at its
// last sync, a directory has the names that it had at its own.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Random } from "@sampan/env";
import { createSimulatedRandom } from "@sampan/env/simulated";
import { isPowerLossSupported, powerLossEnvironment } from "./library.ts";
import { preparePowerLoss, restorePowerLoss } from "./restore.ts";

const skip = isPowerLossSupported() ? false : "needs Linux and a C compiler";
const names = ["a", "b", "c", "d"];
const directories = ["x", "y"];

type Step =
  | { readonly type: "write"; readonly path: string; readonly at: number; readonly text: string }
  | { readonly type: "truncate"; readonly path: string; readonly bytes: number }
  | { readonly type: "sync"; readonly path: string }
  | { readonly type: "syncdir"; readonly directory: string }
  | { readonly type: "rename"; readonly from: string; readonly to: string }
  | { readonly type: "unlink"; readonly path: string };

/** What the program does with a step. */
const interpreter = `
  const fs = require("node:fs");
  const steps = JSON.parse(fs.readFileSync(0, "utf8"));
  const withFile = (path, flags, work) => {
    const file = fs.openSync(path, flags);
    work(file);
    fs.closeSync(file);
  };
  const run = {
    write: ({ path, at, text }) =>
      withFile(path, fs.existsSync(path) ? "r+" : "w", (file) => fs.writeSync(file, text, at)),
    truncate: ({ path, bytes }) => withFile(path, "r+", (file) => fs.ftruncateSync(file, bytes)),
    sync: ({ path }) => withFile(path, "r+", (file) => fs.fsyncSync(file)),
    syncdir: ({ directory }) => withFile(directory, "r", (file) => fs.fsyncSync(file)),
    rename: ({ from, to }) => fs.renameSync(from, to),
    unlink: ({ path }) => fs.unlinkSync(path),
  };
  for (const step of steps) run[step.type](step);
  process.kill(process.pid, "SIGKILL");
`;

interface Inode {
  now: string;
  durable: string;
}

interface Disk {
  readonly now: Map<string, Inode>;
  durable: Map<string, Inode>;
}

function applyStep(disk: Disk, step: Step): void {
  switch (step.type) {
    case "write": {
      const inode = disk.now.get(step.path) ?? { now: "", durable: "" };
      const before = inode.now.slice(0, step.at).padEnd(step.at, "\0");
      inode.now = before + step.text + inode.now.slice(step.at + step.text.length);
      disk.now.set(step.path, inode);
      return;
    }
    case "truncate": {
      const inode = disk.now.get(step.path);
      if (inode !== undefined) inode.now = inode.now.slice(0, step.bytes).padEnd(step.bytes, "\0");
      return;
    }
    case "sync": {
      const inode = disk.now.get(step.path);
      if (inode !== undefined) inode.durable = inode.now;
      return;
    }
    case "syncdir": {
      const isOther = ([path]: [string, Inode]) => !path.startsWith(`${step.directory}/`);
      const others = [...disk.durable].filter(isOther);
      const own = [...disk.now].filter((entry) => !isOther(entry));
      disk.durable = new Map([...others, ...own]);
      return;
    }
    case "rename": {
      const inode = disk.now.get(step.from);
      if (inode !== undefined) disk.now.set(step.to, inode);
      if (step.from !== step.to) disk.now.delete(step.from);
      return;
    }
    case "unlink":
      disk.now.delete(step.path);
      return;
  }
}

/** A step that the disk, as it is now, can do. */
function randomStep(random: Random, disk: Disk): Step {
  const any = (items: readonly string[]) => items[random.int(items.length)] ?? "";
  const directory = any(directories);
  const there = [...disk.now.keys()];
  const path = there.length === 0 ? "" : any(there);
  const draw = there.length === 0 ? 0 : random.int(12);
  if (draw < 4) {
    const target = random.int(2) === 0 && path !== "" ? path : `${directory}/${any(names)}`;
    const text = String.fromCharCode(97 + random.int(26)).repeat(1 + random.int(1500));
    return { type: "write", path: target, at: random.int(2000), text };
  }
  if (draw < 5) return { type: "truncate", path, bytes: random.int(2500) };
  if (draw < 8) return { type: "sync", path };
  if (draw < 10) return { type: "syncdir", directory };
  if (draw === 10) return { type: "unlink", path };
  return { type: "rename", from: path, to: `${path.slice(0, 1)}/${any(names)}` };
}

test("random programs lose what the naive model loses", { skip }, () => {
  for (let seed = 1; seed <= 25; seed += 1) {
    const random = createSimulatedRandom(seed, "program");
    const disk: Disk = { now: new Map(), durable: new Map() };
    const steps: Step[] = [];
    for (let count = random.int(120); count >= 0; count -= 1) {
      const step = randomStep(random, disk);
      applyStep(disk, step);
      steps.push(step);
    }
    const expected = [...disk.durable].map(([path, inode]) => [path, inode.durable]);
    assert.deepEqual(leftBy(steps), expected.sort(), `seed ${seed}`);
  }
});

/** Runs the steps, takes the power away, keeps nothing that was not synced. */
function leftBy(steps: readonly Step[]): [string, string][] {
  const directory = mkdtempSync(join(tmpdir(), "sampan-powerloss-test-"));
  const place = { root: join(directory, "root"), shadow: join(directory, "shadow") };
  for (const name of directories) mkdirSync(join(place.root, name), { recursive: true });
  try {
    preparePowerLoss(place);
    const done = spawnSync(process.execPath, ["-e", interpreter], {
      cwd: place.root,
      env: { ...process.env, ...powerLossEnvironment(place) },
      input: JSON.stringify(steps),
      encoding: "utf8",
    });
    assert.equal(done.signal, "SIGKILL", done.stderr);
    const random = createSimulatedRandom(1, "unused");
    restorePowerLoss(place, { keepChanges: () => 0, fate: () => "nothing", random });
    const paths = directories.flatMap((each) => names.map((name) => `${each}/${name}`));
    const left = paths.filter((path) => existsSync(join(place.root, path)));
    return left.map((path) => [path, readFileSync(join(place.root, path), "latin1")]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
