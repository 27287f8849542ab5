// The files of this repository as git knows them, for the tests that read the tree.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** Works from the source and from `tools/dist`. */
function rootAbove(directory: string): string {
  if (existsSync(join(directory, "package-lock.json"))) return directory;
  return rootAbove(dirname(directory));
}

/** Paths below the root, with `/`, of all files that are tracked or not ignored. */
export function treeFiles(): string[] {
  const git = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const files =
    git.status === 0 ? git.stdout.split("\n").filter((path) => path !== "") : walk(root);
  return files.filter((path) => existsSync(join(root, path))).sort();
}

const notOurs = new Set(["node_modules", "dist", "build", ".git", "data"]);

/** A source archive has no git: then everything counts that is not made by a build. */
function walk(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? walk(path) : [relative(root, path)];
  });
}

export function readTree(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
