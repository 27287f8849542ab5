// The real server as a process: started on a data directory, killed, stopped.

import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { workspaceRoot } from "./workspace.ts";

export interface ServerOptions {
  readonly data: string;
  readonly password: string;
  /** What it logs is appended there. */
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Server {
  readonly origin: string;
  /** Resolves when `/readyz` answers 200. Throws when it exits first, or takes too long. */
  ready(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const readyMsMax = 60_000;
const readyPollMs = 20;

export async function startServer(options: ServerOptions): Promise<Server> {
  const port = await freePort();
  const log = createWriteStream(options.logFile, { flags: "a" });
  const child = spawn(process.execPath, [launcher(), "up"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...options.environment,
      SAMPAN_DATA: options.data,
      SAMPAN_LISTEN: `127.0.0.1:${port}`,
      SAMPAN_ADMIN_LISTEN: "off",
      // Small enough that many blobs go past the page cache.
      SAMPAN_BLOB_PAGE_CACHE: "256KiB",
      SAMPAN_ADMIN_PASSWORD: options.password,
    },
  });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<number | null>((resolve) => {
    child.on("exit", (code) => {
      log.end();
      resolve(code);
    });
  });
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    ready: () => untilReady(child, origin, options.logFile),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
    stop: async () => {
      child.kill("SIGTERM");
      return await exited;
    },
  };
}

async function untilReady(child: ChildProcess, origin: string, logFile: string): Promise<void> {
  for (let waited = 0; waited < readyMsMax; waited += readyPollMs) {
    if (child.exitCode !== null) {
      throw new Error(`the server does not start (exit ${child.exitCode}):\n${tailOf(logFile)}`);
    }
    if ((await statusOf(`${origin}/readyz`)) === 200) return;
    await sleep(readyPollMs);
  }
  throw new Error(`the server is not ready after ${readyMsMax} ms:\n${tailOf(logFile)}`);
}

function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on("error", () => resolve(0));
  });
}

export function tailOf(logFile: string): string {
  return readFileSync(logFile, "utf8").split("\n").slice(-20).join("\n");
}

/** Another program may take it in between; then the server says so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

function launcher(): string {
  return join(workspaceRoot(), "packages", "cli", "bin", "sampan.cjs");
}
