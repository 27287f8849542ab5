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

/** GET as fast as 64 connections go, for `seconds`, by wrk. */
export async function wrkGet(
  url: string,
  headers: Readonly<Record<string, string>>,
  options: { readonly seconds: number; readonly directory: string },
): Promise<Requests> {
  const script = join(options.directory, "headers.lua");
  const lines = Object.entries(headers).map(([k, v]) => `wrk.headers["${k}"] = "${v}"`);
  writeFileSync(script, `${lines.join("\n")}\n`);
  const args = ["-t1", "-c64", `-d${options.seconds}s`, "-s", script, url];
  return wrkAnswer((await run("wrk", args)).stdout);
}

function wrkAnswer(stdout: string): Requests {
  if (/Non-2xx or 3xx responses/.test(stdout)) throw new Error(`wrk saw errors:\n${stdout}`);
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
    count: Number(/(\d+) requests in/.exec(stdout)?.[1]),
  };
}

/** GET of the paths in turn, as fast as 64 connections go, for `seconds`, by wrk. */
export async function wrkPaths(
  url: string,
  paths: readonly string[],
  options: { readonly seconds: number; readonly directory: string },
): Promise<Requests> {
  const script = join(options.directory, "paths.lua");
  const list = paths.map((path) => JSON.stringify(path)).join(", ");
  writeFileSync(
    script,
    `local paths = { ${list} }\nlocal at = 0\nrequest = function()\n` +
      "  at = at % #paths + 1\n  return wrk.format(nil, paths[at])\nend\n",
  );
  const args = ["-t1", "-c64", `-d${options.seconds}s`, "-s", script, url];
  return wrkAnswer((await run("wrk", args)).stdout);
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
