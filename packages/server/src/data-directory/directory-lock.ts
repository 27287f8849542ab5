// Says which process holds a directory, so that a second one can be told who is in its way. Node
// has no flock: the file names a process, and its finder asks the system whether that still runs.

import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { err, errorCode, ok, type Result } from "@sampan/env";

export interface Holder {
  readonly pid: number;
  /** Its start in clock ticks since boot, because pids are used again. Null: there is no /proc. */
  readonly started: string | null;
  /** Of the running kernel; another one means that the process is gone with its kernel. */
  readonly boot: string | null;
  readonly host: string;
}

export interface Lock {
  /** The process that left the lock behind when it died. */
  readonly tookOver: Holder | null;
  /** Twice is once. Leaves the file alone when another process has taken it. */
  release(): Promise<void>;
}

/** The error is the process that holds the lock. Throws what the filesystem throws. */
export async function acquireLock(path: string): Promise<Result<Lock, Holder>> {
  const self = await describeSelf();
  const text = `${JSON.stringify(self)}\n`;
  // Whole before it has the name, and never in the way of another starter's draft.
  const draft = `${path}.${encodeURIComponent(self.host)}.${self.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    if (await linkUnlessThere(draft, path)) return ok(held(path, text, null));
    const left = parseHolder(await readOrEmpty(path));
    if (left !== null && (await isAlive(left, self))) return err(left);
    await rename(draft, path);
    const now = await readOrEmpty(path);
    const winner = parseHolder(now);
    return now === text || winner === null ? ok(held(path, text, left)) : err(winner);
  } finally {
    await unlinkIfThere(draft);
  }
}

export function describeHolder(holder: Holder): string {
  return `another sampan, process ${holder.pid} on ${holder.host}`;
}

function held(path: string, text: string, tookOver: Holder | null): Lock {
  let released = false;
  return {
    tookOver,
    async release() {
      if (released) return;
      released = true;
      if ((await readOrEmpty(path)) === text) await unlinkIfThere(path);
    },
  };
}

async function describeSelf(): Promise<Holder> {
  return {
    pid: process.pid,
    started: await processStart(process.pid),
    boot: await bootId(),
    host: hostname(),
  };
}

async function isAlive(holder: Holder, self: Holder): Promise<boolean> {
  if (holder.boot !== null && self.boot !== null && holder.boot !== self.boot) return false;
  if (!processExists(holder.pid)) return false;
  const started = await processStart(holder.pid);
  return holder.started === null || started === null || holder.started === started;
}

function processExists(pid: number): boolean {
  try {
    // Signal 0 is only checked for, never sent.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}

/** Field 22 of /proc/PID/stat, see proc_pid_stat(5); field 2, the name, may hold brackets. */
async function processStart(pid: number): Promise<string | null> {
  const stat = await readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[19] ?? null;
}

async function bootId(): Promise<string | null> {
  const text = (await readOrEmpty("/proc/sys/kernel/random/boot_id")).trim();
  return text === "" ? null : text;
}

/** Null for what a power failure left of a lock: its process is gone. */
function parseHolder(text: string): Holder | null {
  try {
    const { pid, started, boot, host } = JSON.parse(text);
    if (!Number.isSafeInteger(pid) || pid < 1 || typeof host !== "string") return null;
    return { pid, started: textOrNull(started), boot: textOrNull(boot), host };
  } catch {
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

async function linkUnlessThere(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    // ESRCH: the process ended between the opening and the reading of its file in /proc.
    if (["ENOENT", "ESRCH"].includes(errorCode(error) ?? "")) return "";
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
