// The load generators, each a program of its own so that JavaScript does not measure itself.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasProgram } from "./process.ts";

const run = promisify(execFile);

export function loadProgramsMissing(): string | null {
  const packages = { wrk: "wrk", ab: "apache2-utils", curl: "curl" };
  const missing = Object.entries(packages).filter(([program]) => !hasProgram(program));
  if (missing.length === 0) return null;
  return `load generators missing: apt-get install ${missing.map(([, name]) => name).join(" ")}`;
}

export interface Requests {
  readonly perSecond: number;
  readonly count: number;
}

/** As wrk saw them, milliseconds. */
export interface TimedRequests extends Requests {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface WrkOptions {
  readonly seconds: number;
  /** Where its script may lie. */
  readonly directory: string;
  /** 64 unless given. */
  readonly connections?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** GET as fast as the connections go, by wrk. */
export function wrkGet(url: string, options: WrkOptions): Promise<TimedRequests> {
  return wrk(url, "", options);
}

/** GET of the paths in turn, as fast as the connections go, by wrk. */
export function wrkPaths(
  url: string,
  paths: readonly string[],
  options: WrkOptions,
): Promise<TimedRequests> {
  const list = paths.map((path) => JSON.stringify(path)).join(", ");
  const turns =
    `local paths = { ${list} }\nlocal at = 0\nrequest = function()\n` +
    "  at = at % #paths + 1\n  return wrk.format(nil, paths[at])\nend\n";
  return wrk(url, turns, options);
}

async function wrk(url: string, requests: string, options: WrkOptions): Promise<TimedRequests> {
  const script = join(options.directory, "wrk.lua");
  const headers = Object.entries(options.headers ?? {});
  const lines = headers.map(([name, value]) => `wrk.headers["${name}"] = "${value}"\n`);
  writeFileSync(script, lines.join("") + requests);
  const load = ["-t1", `-c${options.connections ?? 64}`, `-d${options.seconds}s`];
  const args = [...load, "--latency", "--timeout", "60s", "-s", script, url];
  const { stdout } = await run("wrk", args);
  if (/Non-2xx or 3xx responses|Socket errors/.test(stdout)) {
    throw new Error(`wrk saw errors:\n${stdout}`);
  }
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    count: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    p50Ms: percentile(stdout, 50),
    p99Ms: percentile(stdout, 99),
  };
}

const unitMs = { us: 0.001, ms: 1, s: 1000, m: 60_000 } as const;

function percentile(stdout: string, percent: number): number {
  const [, figure, unit] = new RegExp(`${percent}%\\s+([\\d.]+)(us|ms|s|m)`).exec(stdout) ?? [];
  return Number(figure) * unitMs[(unit ?? "ms") as keyof typeof unitMs];
}

/** HEAD over 64 kept-alive connections, by ab (wrk cannot do HEAD). */
export async function abHead(
  url: string,
  headers: Readonly<Record<string, string>>,
  count: number,
): Promise<Requests> {
  const extra = Object.entries(headers).flatMap(([k, v]) => ["-H", `${k}: ${v}`]);
  const args = ["-q", "-i", "-k", "-c", "64", "-n", String(count), ...extra, url];
  const { stdout } = await run("ab", args);
  if (/Non-2xx responses/.test(stdout)) throw new Error(`ab saw errors:\n${stdout}`);
  return { perSecond: Number(/Requests per second:\s+([\d.]+)/.exec(stdout)?.[1]), count };
}

/** Seconds of one transfer by curl. */
export async function curlGet(url: string): Promise<number> {
  const { stdout } = await run("curl", ["-sf", "-o", "/dev/null", "-w", "%{time_total}", url]);
  return Number(stdout);
}

export async function curlPut(url: string, file: string): Promise<number> {
  const type = "Content-Type: application/octet-stream";
  const output = ["-sf", "-o", "/dev/null", "-w", "%{time_total}"];
  const args = [...output, "-X", "PUT", "-H", type, "-H", "Expect:", "-T", file, url];
  const { stdout } = await run("curl", args);
  return Number(stdout);
}
