// A server under measurement: started, asked for its CPU and memory, stopped by its pid.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";

export interface Running {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** User and system CPU seconds spent so far. */
  cpuSeconds(): number;
  memory(): Memory;
  /** From now on `memory().recent` is the most there has been since. */
  startRecentPeak(): void;
  stop(): Promise<void>;
}

/** Resident memory in MB (10^6 bytes). */
export interface Memory {
  readonly now: number;
  /** The most there has been in the process's life. */
  readonly peak: number;
  /** The most there has been since `startRecentPeak`. */
  readonly recent: number;
}

export interface Contender {
  readonly name: string;
  /** Null, or what is missing and the command that installs it. */
  missing(): string | null;
  /** Starts with an empty data directory below `directory`. */
  start(directory: string): Promise<Running>;
}

export interface Command {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  /** Working directory: a profiled server leaves files in it. */
  readonly directory?: string;
  readonly url: string;
  /** Path that answers below 500 once the server is ready. */
  readonly readyPath: string;
}

const readyMsMax = 20_000;
const ticksPerSecond = 100;

export async function startServer(command: Command): Promise<Running> {
  const child = spawn(command.file, command.args, {
    env: { ...process.env, ...command.env },
    cwd: command.directory ?? process.cwd(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command.name}: ${command.file} did not start`);
  try {
    await untilReady(command.url + command.readyPath, child);
  } catch (cause) {
    child.kill("SIGKILL");
    throw new Error(`${command.name} did not become ready: ${complaint}`, { cause });
  }
  let peakBefore = 0;
  const memory = () => {
    const { now, recent } = readMemory(pid);
    return { now, recent, peak: Math.max(peakBefore, recent) };
  };
  return {
    name: command.name,
    url: command.url,
    pid,
    cpuSeconds: () => cpuSeconds(pid),
    memory,
    startRecentPeak: () => {
      peakBefore = memory().peak;
      resetPeak(pid);
    },
    stop: () => stop(child),
  };
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const end = performance.now() + readyMsMax;
  while (performance.now() < end && child.exitCode === null) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status > 0 && status < 500) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(child.exitCode === null ? "not in time" : `exit code ${child.exitCode}`);
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function readMemory(pid: number): { now: number; recent: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (key: string) =>
    (Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
  return { now: megabytes("VmRSS"), recent: megabytes("VmHWM") };
}

/** The kernel's own mark of the most there was falls back to what there is (proc(5), clear_refs). */
function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" }).status === 0;
}
