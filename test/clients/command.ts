// Runs other programs: to their end, with a time limit and bounded output, or as a daemon that is
// stopped by its process id.

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, createWriteStream, openSync } from "node:fs";
import { delimiter, resolve } from "node:path";

export interface CommandOptions {
  /** On top of this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const timeoutMsDefault = 120_000;
const outputCharsMax = 4 * 1024 * 1024;
const stopGraceMs = 10_000;

/** Its standard output. Throws with the end of what it said when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryRun(command, args, options);
  if (result.code === 0) return result.stdout;
  throw new Error(`${describe(command, args)} exited with ${result.code}: ${lastWords(result)}`);
}

export async function tryRun(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd: options.directory,
    env: childEnvironment(options),
    stdio: "pipe",
    timeout: options.timeoutMs ?? timeoutMsDefault,
    killSignal: "SIGKILL",
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  // Whoever ends us ends what we wait for, so that the run comes to its end and tidies up.
  const interrupt = () => void child.kill("SIGKILL");
  for (const signal of interruptions) process.on(signal, interrupt);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout: stdout(), stderr: stderr() };
  } finally {
    for (const signal of interruptions) process.off(signal, interrupt);
  }
}

export const interruptions = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Passes when the command fails and says why as expected. */
export async function expectRefusal(
  command: string,
  args: readonly string[],
  options: CommandOptions & { readonly says: RegExp },
): Promise<void> {
  const result = await tryRun(command, args, options);
  const said = `${result.stdout}${result.stderr}`;
  if (result.code === 0) throw new Error(`${describe(command, args)} was not refused`);
  if (!options.says.test(said)) {
    throw new Error(`refused, but not with ${options.says}: ${lastWords(result)}`);
  }
}

export interface Daemon {
  readonly process: ChildProcess;
  /** Asks it to end, and kills it if it does not; returns when it is gone. */
  stop(): Promise<void>;
  /** What it wrote to its log, from the end. */
  readonly logFile: string;
}

export function startDaemon(
  command: string,
  args: readonly string[],
  options: CommandOptions & { readonly logFile: string },
): Daemon {
  const log = openSync(options.logFile, "a");
  const child = spawn(command, args, {
    cwd: options.directory,
    env: childEnvironment(options),
    stdio: ["ignore", log, log],
  });
  child.on("error", (error) => createWriteStream(options.logFile).end(`${error.message}\n`));
  return {
    process: child,
    logFile: options.logFile,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      const kill = setTimeout(() => child.kill("SIGKILL"), stopGraceMs);
      child.kill("SIGTERM");
      await ended;
      clearTimeout(kill);
    },
  };
}

/** A name, which is looked for where `run` finds it, or an absolute path. */
export function isInstalled(command: string): boolean {
  return commandFolders().some((folder) => {
    try {
      accessSync(resolve(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function childEnvironment(options: CommandOptions): NodeJS.ProcessEnv {
  return { ...process.env, PATH: commandFolders().join(delimiter), ...options.environment };
}

/** Daemons lie where an ordinary user's PATH does not look. */
function commandFolders(): string[] {
  return [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text = `${text}${chunk}`.slice(-outputCharsMax);
  });
  return () => text;
}

function describe(command: string, args: readonly string[]): string {
  return [command, ...args.slice(0, 2)].join(" ");
}

function lastWords(result: CommandResult): string {
  const text = result.stderr.trim() || result.stdout.trim();
  return text.slice(-800);
}
