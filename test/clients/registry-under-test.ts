// The registry that the clients speak to: a Sampan of its own on a free port with a throwaway data
// directory, or any other that is named on the command line.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, startDaemon } from "./command.ts";

export interface RegistryUnderTest {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** Everybody may pull from this project, admin may push. */
  readonly publicProject: string;
  /** Only admin may pull and push; null where a foreign registry has no such thing. */
  readonly privateProject: string | null;
}

export interface OwnRegistry extends RegistryUnderTest {
  stop(): Promise<void>;
  /** The end of its log. */
  lastWords(): string;
}

const readyTimeoutMs = 30_000;
const pollMs = 50;
const password = "correct-horse-battery";
const privateProject = "team-a";

export async function startSampan(folder: string): Promise<OwnRegistry> {
  const host = `127.0.0.1:${await freePort()}`;
  const environment = {
    SAMPAN_DATA: join(folder, "data"),
    SAMPAN_LISTEN: host,
    SAMPAN_ADMIN_LISTEN: "off",
    SAMPAN_ADMIN_PASSWORD: password,
  };
  const logFile = join(folder, "sampan.log");
  const program = sampanProgram();
  const daemon = startDaemon(process.execPath, [program, "up"], { environment, logFile });
  const lastWords = () => readFileSync(logFile, "utf8").slice(-2000);
  try {
    await ready(`http://${host}/readyz`, () => daemon.process.exitCode === null);
    await run(process.execPath, [program, "project", "create", privateProject], {
      environment: { SAMPAN_URL: `http://${host}`, SAMPAN_PASSWORD: password },
    });
  } catch (error) {
    await daemon.stop();
    throw new Error(`Sampan did not start:\n${lastWords()}`, { cause: error });
  }
  const access = { username: "admin", password, publicProject: "library", privateProject };
  return { host, ...access, stop: () => daemon.stop(), lastWords };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until the URL answers 200, while `alive` holds. */
async function ready(url: string, alive: () => boolean): Promise<void> {
  const end = Date.now() + readyTimeoutMs;
  while (Date.now() < end && alive()) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`${url} is not ready`);
}

function sampanProgram(): string {
  const folder = join(rootAbove(dirname(fileURLToPath(import.meta.url))), "packages", "cli");
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, bin.sampan);
}

/** Works from the source and from `test/dist`. */
function rootAbove(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : rootAbove(dirname(folder));
}
