// Compiles the addon with g++ against the system's librocksdb, in seconds and without downloads.
// Needs nothing but Node, so that it can run before anything else is there.
//
//   node packages/rocksdb/build.mjs [--force] [--sanitize]

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const packageDirectory = dirname(fileURLToPath(import.meta.url));
const sourceDirectory = join(packageDirectory, "native");
const installCommand = "apt-get install -y --no-install-recommends g++ librocksdb-dev";
const includeDirectories = ["/usr/include", "/usr/local/include"];
/** The C API has what the addon calls since then; Debian 12 has 7.8, Ubuntu 24.04 has 8.9. */
const rocksdbVersionMin = { major: 7, minor: 8 };

const compileFlags = [
  "-std=c++17",
  "-O2",
  "-fPIC",
  "-fvisibility=hidden",
  "-pthread",
  "-Wall",
  "-Wextra",
  "-Wpedantic",
  "-DNAPI_VERSION=8",
];
// The threads and exit handlers of the addon outlive any one environment: it is never unloaded.
const linkFlags = ["-shared", "-pthread", "-Wl,-z,nodelete", "-Wl,-z,relro,-z,now"];
const sanitizeFlags = ["-g", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"];

/**
 * Builds unless the last build had the same sources, headers, compiler and flags.
 *
 * @param {{ force?: boolean, sanitize?: boolean }} [options] `force` builds in any case; `sanitize`
 *   builds with the address and undefined-behaviour sanitizers, in a directory of its own.
 * @returns {Promise<{ path: string, built: boolean }>} where the addon is, and whether it is new.
 * @throws {Error} naming the command to run when g++ or librocksdb's headers are missing, or with
 *   the compiler's words.
 */
export async function buildAddon(options = {}) {
  const { force = false, sanitize = false } = options;
  const buildDirectory = join(packageDirectory, "build", sanitize ? "sanitize" : ".");
  const path = join(buildDirectory, "sampan_rocksdb.node");
  const stampPath = join(buildDirectory, "stamp");
  const flags = sanitize ? [...compileFlags, ...sanitizeFlags] : compileFlags;
  const stamp = stampOf([...flags, ...linkFlags]);
  if (!force && existsSync(path) && readText(stampPath) === stamp) return { path, built: false };

  mkdirSync(buildDirectory, { recursive: true });
  // Two builds may run at once, and a running process keeps the file that it has mapped: all is
  // made in a directory of its own, and takes its place by a rename.
  const workDirectory = mkdtempSync(join(buildDirectory, "work-"));
  try {
    // One unit of all files: most of a file's time goes into the headers that it shares.
    const unit = join(workDirectory, "all.cc");
    const sources = sourceNames().filter((name) => name.endsWith(".cc"));
    writeFileSync(unit, sources.map((name) => `#include "${name}"\n`).join(""));
    const include = ["-I", sourceDirectory, "-I", headersOfNode()];
    const linked = join(workDirectory, "linked.node");
    await run("g++", [...flags, ...include, unit, ...linkFlags, "-o", linked, "-lrocksdb"]);
    renameSync(linked, path);
    writeFileSync(stampPath, stamp);
  } finally {
    rmSync(workDirectory, { recursive: true });
  }
  return { path, built: true };
}

function stampOf(flags) {
  const hash = createHash("sha256");
  const add = (name, content) => hash.update(`${name}\0${content.length}\0`).update(content);
  add("compiler", compilerVersion());
  add("flags", flags.join(" "));
  for (const name of sourceNames()) add(name, readFileSync(join(sourceDirectory, name)));
  const headers = rocksdbHeaders();
  for (const name of ["c.h", "version.h"]) add(name, readFileSync(join(headers, name)));
  add("node_api.h", readFileSync(join(headersOfNode(), "node_api.h")));
  return hash.digest("hex");
}

function sourceNames() {
  return readdirSync(sourceDirectory)
    .filter((name) => name.endsWith(".cc") || name.endsWith(".h"))
    .sort();
}

function compilerVersion() {
  const result = spawnSync("g++", ["--version"], { encoding: "utf8" });
  if (result.status !== 0) throw missing("the compiler g++");
  return result.stdout.split("\n", 1)[0];
}

function rocksdbHeaders() {
  const directory = includeDirectories
    .map((include) => join(include, "rocksdb"))
    .find((candidate) => existsSync(join(candidate, "c.h")));
  if (directory === undefined) throw missing("librocksdb's header rocksdb/c.h");
  const text = readText(join(directory, "version.h"));
  const part = (name) => Number(new RegExp(`#define ROCKSDB_${name} (\\d+)`).exec(text)?.[1]);
  const [major, minor] = [part("MAJOR"), part("MINOR")];
  const { major: majorMin, minor: minorMin } = rocksdbVersionMin;
  if (!(major > majorMin || (major === majorMin && minor >= minorMin))) {
    const found = `${directory} is of ${major}.${minor}`;
    throw new Error(`RocksDB ${majorMin}.${minorMin} or newer is needed: ${found}`);
  }
  return directory;
}

function missing(what) {
  return new Error(`${what} is missing: as root, on Debian and Ubuntu, run: ${installCommand}`);
}

function headersOfNode() {
  return createRequire(import.meta.url)("node-api-headers").include_dir;
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const words = Buffer.concat(output).toString();
      if (status !== 0) reject(new Error(`${command} ${args.join(" ")}\n${words}`));
      if (words !== "") console.warn(words);
      resolve();
    });
  });
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const has = (flag) => process.argv.includes(flag);
  try {
    const started = Date.now();
    const { path, built } = await buildAddon({
      force: has("--force"),
      sanitize: has("--sanitize"),
    });
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(built ? `built ${path} in ${seconds} s` : `${path} is up to date`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
