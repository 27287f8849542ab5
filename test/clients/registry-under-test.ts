// The registry that the clients speak to: a Sampan of its own with a throwaway data directory, in
// plain HTTP on a free port unless told otherwise, or any other that is named on the command line.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run, startDaemon } from "./command.ts";

export interface RegistryUnderTest {
  /** As it stands in the references of images: `127.0.0.1:PORT`, `registry.example.com`. */
  readonly host: string;
  /** Whom its certificate is from, in a PEM file; null: it speaks plain HTTP. */
  readonly authority: string | null;
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

/** Where a Sampan listens, and with which further settings. */
export interface Place {
  readonly listen: string;
  /** What clients, and its own verbs, call it. */
  readonly host: string;
  /** Whose certificate it shows, in a PEM file; null where it speaks plain HTTP. */
  readonly authority: string | null;
  readonly environment: Readonly<Record<string, string>>;
}

export async function startSampan(folder: string, place?: Place): Promise<OwnRegistry> {
  const { listen, host, authority, environment } = place ?? (await freePlace());
  const settings = {
    SAMPAN_DATA: join(folder, "data"),
    SAMPAN_LISTEN: listen,
    SAMPAN_ADMIN_LISTEN: "off",
    SAMPAN_ADMIN_PASSWORD: password,
    ...environment,
  };
  const logFile = join(folder, "sampan.log");
  const program = sampanProgram();
  const daemon = startDaemon(process.execPath, [program, "up"], {
    environment: settings,
    logFile,
  });
  const lastWords = () => readFileSync(logFile, "utf8").slice(-2000);
  const url = `${authority === null ? "http" : "https"}://${host}`;
  try {
    await ready(`${url}/readyz`, authority, () => daemon.process.exitCode === null);
    await run(process.execPath, [program, "project", "create", privateProject], {
      environment: {
        SAMPAN_URL: url,
        SAMPAN_PASSWORD: password,
        ...(authority === null ? {} : { NODE_EXTRA_CA_CERTS: authority }),
      },
    });
  } catch (error) {
    await daemon.stop();
    throw new Error(`Sampan did not start:\n${lastWords()}`, { cause: error });
  }
  const access = { username: "admin", password, publicProject: "library", privateProject };
  return { host, authority, ...access, stop: () => daemon.stop(), lastWords };
}

async function freePlace(): Promise<Place> {
  const host = `127.0.0.1:${await freePort()}`;
  return { listen: host, host, authority: null, environment: {} };
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
async function ready(url: string, authority: string | null, alive: () => boolean): Promise<void> {
  const end = Date.now() + readyTimeoutMs;
  while (Date.now() < end && alive()) {
    if ((await statusOf(url, authority).catch(() => 0)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(`${url} is not ready`);
}

async function statusOf(url: string, authority: string | null): Promise<number> {
  const request =
    authority === null ? httpRequest(url) : httpsRequest(url, { ca: readFileSync(authority) });
  const answered = once(request.end(), "response");
  const [response] = await answered;
  response.resume();
  return response.statusCode;
}

function sampanProgram(): string {
  const folder = join(rootFolder(), "packages", "cli");
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, bin.sampan);
}

/** Of the clone; works from the source and from `test/dist`. */
export function rootFolder(): string {
  return rootAbove(dirname(fileURLToPath(import.meta.url)));
}

function rootAbove(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : rootAbove(dirname(folder));
}
