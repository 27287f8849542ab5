// The only script that runs before anything is installed, so it depends on Node alone. It brings
// the clone to the state a command needs (system library, packages, build) and then runs the
// command. Nothing is done twice: a stamp of the lock file says what is installed, `tsc -b` what is
// built.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ".bin", name);
const source = ["--conditions=source", "--import", "tsx"];

const commands = {
  start: (args) => node(["packages/cli/bin/sampan.cjs", "up", ...args]),
  test: (args) => node([...source, "tools/test.ts", ...args]),
  build: () => 0,
  check: (args) => node([...source, "tools/check.ts", ...args]),
  sim: (args) => node(["packages/sim/dist/main.js", ...args]),
  crash: (args) => node(["test/dist/crash/main.js", ...args]),
  clients: (args) => node(["test/dist/clients/main.js", ...args]),
  conformance: (args) => node(["test/dist/conformance/main.js", ...args]),
  stalls: (args) => node([...source, "test/stalls/main.ts", ...args]),
  bench: (args) => node(["bench/dist/main.js", ...args]),
};

const [name = "", ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name)) {
  fail(`unknown command '${name}'; one of: ${Object.keys(commands).join(", ")}`);
}
requireNode();
process.chdir(root);
await requireSystem();
await install();
await build();
process.exitCode = await commands[name](args);

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `Sampan needs Node 20.19 or later; this is ${process.versions.node}. See https://nodejs.org`,
  );
}

/** RocksDB's headers and a C++ compiler: the one thing that npm does not bring. */
async function requireSystem() {
  const missing = systemMissing();
  if (missing.length === 0) return;
  const install = systemInstall();
  if (install === null) {
    fail(`missing: ${missing.join(", ")}; install RocksDB's development package (7.8+) and g++`);
  }
  const asRoot = process.getuid?.() === 0;
  if (!asRoot || install.manager !== "apt-get") {
    const command = `${asRoot ? "" : "sudo "}${install.command}`;
    fail(`missing: ${missing.join(", ")}. Install with:\n\n    ${command}\n\nthen try again.`);
  }
  say(`installing ${missing.join(", ")} (${install.command})`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await quiet("apt-get", ["update"], { env, allowFailure: true });
  await quiet("apt-get", install.args, { env, hint: `try it by hand: ${install.command}` });
  const still = systemMissing();
  if (still.length > 0) fail(`still missing after the install: ${still.join(" and ")}`);
}

function systemMissing() {
  const missing = [];
  if (spawnSync("g++", ["--version"], { stdio: "ignore" }).status !== 0) {
    missing.push("the C++ compiler g++");
  }
  const places = ["/usr/include", "/usr/local/include"];
  if (!places.some((place) => existsSync(join(place, "rocksdb", "c.h")))) {
    missing.push("RocksDB's headers (rocksdb/c.h)");
  }
  return missing;
}

function systemInstall() {
  const managers = [
    ["apt-get", ["install", "-y", "--no-install-recommends", "g++", "librocksdb-dev"]],
    ["dnf", ["install", "-y", "gcc-c++", "rocksdb-devel"]],
    ["pacman", ["-S", "--noconfirm", "gcc", "rocksdb"]],
  ];
  for (const [manager, args] of managers) {
    if (spawnSync(manager, ["--version"], { stdio: "ignore" }).status === 0) {
      return { manager, args, command: `${manager} ${args.join(" ")}` };
    }
  }
  return null;
}

async function install() {
  const stampFile = join(root, "node_modules", ".sampan-stamp");
  const stamp = lockStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;
  say("installing packages (once, until the lock file changes)");
  const npm = process.env.npm_execpath;
  const install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  if (npm?.endsWith(".js")) await quiet(process.execPath, [npm, ...install]);
  else await quiet("npm", install);
  writeFileSync(stampFile, stamp);
}

function lockStamp() {
  const hash = createHash("sha256").update(process.versions.modules);
  hash.update(readFileSync(join(root, "package-lock.json")));
  for (const name of readdirSync(join(root, "packages")).sort()) {
    const manifest = join(root, "packages", name, "package.json");
    if (existsSync(manifest)) hash.update(readFileSync(manifest));
  }
  return hash.digest("hex");
}

async function build() {
  const first = !existsSync(join(root, "packages", "cli", "dist"));
  if (first) say("building");
  await Promise.all([
    quiet(process.execPath, [join(root, "packages", "rocksdb", "build.mjs")]),
    quiet(process.execPath, [bin("tsc"), "-b"]),
  ]);
}

/** Runs to the end without a word, unless it fails: then all it said is shown. */
async function quiet(command, args, { env = process.env, allowFailure = false, hint = "" } = {}) {
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (chunk) => (said += chunk));
  child.stderr.on("data", (chunk) => (said += chunk));
  const failure = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) => resolve(code === 0 ? null : `exit code ${code}`));
  });
  if (failure === null || allowFailure) return;
  process.stderr.write(said);
  fail(`${[command, ...args].join(" ")} failed: ${failure}\n${hint}`);
}

/** Runs Node in the foreground; signals go on to it, its exit code is ours. */
function node(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  stopWithNpm(child);
  return new Promise((resolve) => {
    child.on("error", (error) => fail(error.message));
    child.on("exit", (code, signal) =>
      resolve(signal === null ? code : 128 + signalNumber(signal)),
    );
  });
}

/** npm's shell dies of a signal without passing it on; whoever stopped npm meant the server. */
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 250);
  watch.unref();
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0;
}

function say(text) {
  process.stderr.write(`sampan: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`sampan: ${text.trimEnd()}\n`);
  process.exit(1);
}
