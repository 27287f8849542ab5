// Clients that are Go programs: built from their modules at pinned versions, once, into the user's
// cache, which outlives the clone.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { GoNeed } from "./client.ts";
import { interruptions, isInstalled } from "./command.ts";

/** Where Go lies when it is in nobody's PATH. */
const goElsewhere = "/usr/local/go/bin/go";
const buildTimeoutMs = 1_200_000;
const progressMs = 20_000;
/** Two compilers at once: helm's larger packages take half a gigabyte each. */
const goFlags = "-p=2 -trimpath";

/** The folder that holds the program, whether it has been built or not. */
export function goFolder(need: GoNeed): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "sampan", "clients", `${need.command}-${need.version}`);
}

export function isBuilt(need: GoNeed): boolean {
  return existsSync(join(goFolder(need), need.command));
}

/** Says what it does. Throws with the compiler's words when it fails, or when there is no Go. */
export async function build(need: GoNeed): Promise<void> {
  const go = isInstalled("go") ? "go" : goElsewhere;
  if (!isInstalled(go))
    throw new Error(`Go is not installed, and ${need.command} is built with it`);
  const folder = goFolder(need);
  const building = `${folder}-${process.pid}`;
  const start = Date.now();
  const seconds = () => Math.round((Date.now() - start) / 1000);
  console.log(`building ${need.command} ${need.version} from its Go module`);
  await mkdir(building, { recursive: true });
  try {
    await compile(go, { need, building }, (packages) =>
      console.log(`building ${need.command}: ${packages} packages after ${seconds()} s`),
    );
    await rm(folder, { recursive: true, force: true });
    await rename(building, folder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  console.log(`built ${need.command} ${need.version} in ${seconds()} s`);
}

interface Work {
  readonly need: GoNeed;
  /** The folder that receives the program. */
  readonly building: string;
}

/** `-v` names each package when it is compiled, one a line. */
async function compile(
  go: string,
  { need, building }: Work,
  progress: (packages: number) => void,
): Promise<void> {
  const target = `${need.module}@${need.version}`;
  const child = spawn(go, ["install", "-v", "-ldflags=-s -w", target], {
    env: { ...process.env, GOBIN: building, GOFLAGS: goFlags },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: buildTimeoutMs,
  });
  let said = "";
  let packages = 0;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    packages += text.split("\n").filter((line) => /^[\w./-]+$/.test(line)).length;
    said = `${said}${text}`.slice(-2_000);
  });
  const timer = setInterval(() => progress(packages), progressMs);
  const interrupt = () => void child.kill("SIGTERM");
  for (const signal of interruptions) process.on(signal, interrupt);
  const code = await new Promise<number | null>((resolve, reject) =>
    child.on("error", reject).on("close", resolve),
  ).finally(() => {
    clearInterval(timer);
    for (const signal of interruptions) process.off(signal, interrupt);
  });
  if (code !== 0) throw new Error(`go install ${target} exited with ${code}: ${said.trim()}`);
}
