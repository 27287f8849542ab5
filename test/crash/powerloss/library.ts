// The preload library of the power-loss rounds, compiled when it is first needed and kept under the
// hash of its sources.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workspaceRoot } from "../workspace.ts";

const sources = ["model.c", "hooks.c"];
const inputs = [...sources, "model.h"];

/** `LD_PRELOAD` is the dynamic linker's of Linux; a compiler is there wherever the addon was built. */
export function isPowerLossSupported(): boolean {
  return process.platform === "linux" && spawnSync(compiler(), ["--version"]).status === 0;
}

/** The path of the shared object. Throws what the compiler said. */
export function powerLossLibrary(): string {
  const directory = join(workspaceRoot(), "test", "crash", "powerloss");
  const hash = createHash("sha256");
  for (const name of inputs) hash.update(readFileSync(join(directory, name)));
  const cache = join(tmpdir(), "sampan-powerloss");
  const library = join(cache, `${hash.digest("hex").slice(0, 16)}.so`);
  if (existsSync(library)) return library;
  mkdirSync(cache, { recursive: true });
  const unfinished = `${library}.${process.pid}`;
  const flags = ["-shared", "-fPIC", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror"];
  const args = [...flags, "-o", unfinished, ...sources, "-ldl"];
  const done = spawnSync(compiler(), args, { cwd: directory, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`cannot compile the power-loss library:\n${done.stderr}`);
  renameSync(unfinished, library);
  return library;
}

export interface PowerLossPlace {
  /** The data directory that loses power; must exist. */
  readonly root: string;
  /** What is known about its disk; on the same filesystem, since it keeps hard links. */
  readonly shadow: string;
}

/** The environment of a program whose disk can lose power; `ignored` are patterns of its syncs. */
export function powerLossEnvironment(
  place: PowerLossPlace,
  ignored: readonly string[] = [],
): Record<string, string> {
  return {
    LD_PRELOAD: powerLossLibrary(),
    POWERLOSS_ROOT: place.root,
    POWERLOSS_SHADOW: place.shadow,
    POWERLOSS_IGNORE: ignored.join(":"),
    // The library does not see what a ring does.
    UV_USE_IO_URING: "0",
  };
}

function compiler(): string {
  return process.env["CC"] ?? "cc";
}
