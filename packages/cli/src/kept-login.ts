// The logins that docker, podman and skopeo keep: their files (containers-auth.json(5), docker's
// config.json) and the credential helpers that these name.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { errorCode, errorMessage } from "@sampan/env";
import { CommandFailure } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

export interface KeptLogin {
  readonly username: string;
  readonly password: string;
  /** Instead of a password: exchanged at a token service, sent nowhere else. */
  readonly identityToken?: string;
}

interface LoginFile {
  readonly auths?: Readonly<Record<string, LoginEntry | undefined>>;
  readonly credHelpers?: Readonly<Record<string, string | undefined>>;
  readonly credsStore?: string;
}

interface LoginEntry {
  readonly auth?: string;
  readonly identitytoken?: string;
}

/** The user name with which helpers mark a secret that is an identity token. */
const tokenUser = "<token>";
const dockerHubKey = "https://index.docker.io/v1/";
const helperMs = 30_000;
const helperBytesMax = 64 * 1024;

export interface LoginPlace {
  /** As the user wrote it. */
  readonly host: string;
  /** Null: the whole registry. */
  readonly repository: string | null;
  /** Whether the helpers that the files name are asked too. */
  readonly asksHelpers: boolean;
}

/** Null: nobody is logged in there. */
export async function findLogin(terminal: Terminal, place: LoginPlace): Promise<KeptLogin | null> {
  const { environment } = terminal;
  const { host, asksHelpers } = place;
  for (const { path, named } of loginFiles(environment)) {
    const file = await readLoginFile(terminal, path, named);
    if (file === null) continue;
    const kept = loginIn(file, place);
    if (kept !== null) return kept;
    const helped = asksHelpers ? await askHelper(file, host, environment) : null;
    if (helped !== null) return helped;
  }
  return null;
}

interface LoginPath {
  readonly path: string;
  /** By the user, who then wants to know when it is not there. */
  readonly named: boolean;
}

function loginFiles(environment: Terminal["environment"]): LoginPath[] {
  const named = environment["REGISTRY_AUTH_FILE"];
  const runtime = environment["XDG_RUNTIME_DIR"];
  const home = environment["HOME"] || homedir();
  const config = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  const docker = environment["DOCKER_CONFIG"] || join(home, ".docker");
  return [
    ...(named ? [{ path: named, named: true }] : []),
    ...(runtime ? [{ path: join(runtime, "containers", "auth.json"), named: false }] : []),
    { path: join(config, "containers", "auth.json"), named: false },
    { path: join(docker, "config.json"), named: false },
  ];
}

/** One that the user did not name belongs to another program: it is no reason to fail. */
async function readLoginFile(
  terminal: Terminal,
  path: string,
  named: boolean,
): Promise<LoginFile | null> {
  try {
    const file: unknown = JSON.parse(await readFile(path, "utf8"));
    return typeof file === "object" && file !== null ? file : null;
  } catch (error) {
    if (errorCode(error) === "ENOENT" && !named) return null;
    const why = errorMessage(error);
    if (named) throw new CommandFailure(`REGISTRY_AUTH_FILE ${path} cannot be read: ${why}`, 2);
    terminal.err(`sampan: no login is taken from ${path}, which cannot be read: ${why}\n`);
    return null;
  }
}

/** podman may keep a login for a part of a registry: the longest name that fits goes first. */
function loginIn(file: LoginFile, { host, repository }: LoginPlace): KeptLogin | null {
  const parts = [host, ...(repository?.split("/") ?? [])];
  const names = parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
  const keys = host === "docker.io" ? [...names, dockerHubKey, "index.docker.io"] : names;
  for (const key of keys) {
    for (const form of [key, `https://${key}`, `http://${key}`]) {
      const login = readEntry(file.auths?.[form]);
      if (login !== null) return login;
    }
  }
  return null;
}

function readEntry(entry: LoginEntry | undefined): KeptLogin | null {
  const decoded = Buffer.from(String(entry?.auth ?? ""), "base64").toString();
  const colon = decoded.indexOf(":");
  const username = colon < 1 ? "" : decoded.slice(0, colon);
  const password = colon < 1 ? "" : decoded.slice(colon + 1).replace(/\0+$/, "");
  const identityToken = entry?.identitytoken;
  if (typeof identityToken === "string" && identityToken !== "") {
    return { username: username || tokenUser, password: "", identityToken };
  }
  return username === "" ? null : { username, password };
}

async function askHelper(
  file: LoginFile,
  host: string,
  environment: Terminal["environment"],
): Promise<KeptLogin | null> {
  const helper = file.credHelpers?.[host] ?? file.credsStore;
  if (helper === undefined || helper === "") return null;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) {
    throw new CommandFailure(`the credential helper ${JSON.stringify(helper)} is no program name`);
  }
  const program = `docker-credential-${helper}`;
  const server = host === "docker.io" ? dockerHubKey : host;
  const { code, output } = await runHelper(program, server, environment);
  // Helpers tell "none" by a sentence and their exit code.
  if (code !== 0 && /credentials not found/i.test(output)) return null;
  if (code !== 0) throw new CommandFailure(`${program} failed for ${host}: ${output.trim()}`);
  return readHelperAnswer(program, output);
}

function readHelperAnswer(program: string, output: string): KeptLogin | null {
  const answer = parseObject(output);
  const [username, secret] = [answer?.["Username"], answer?.["Secret"]];
  if (typeof username !== "string" || typeof secret !== "string") {
    throw new CommandFailure(`${program} answered without Username and Secret`);
  }
  if (username === tokenUser) return { username, password: "", identityToken: secret };
  return username === "" ? null : { username, password: secret };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** `docker-credential-X get`: the server on standard input, JSON on standard output. */
function runHelper(
  program: string,
  server: string,
  environment: Terminal["environment"],
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["get"], {
      env: { ...environment },
      stdio: ["pipe", "pipe", "ignore"],
    });
    const limit = setTimeout(() => child.kill(), helperMs);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length > helperBytesMax) child.kill();
    });
    child.on("error", (error) => {
      clearTimeout(limit);
      reject(new CommandFailure(`the credential helper ${program} cannot run: ${error.message}`));
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code, output });
    });
    // A helper that does not read what it is asked closes its end.
    child.stdin.on("error", () => {}).end(server);
  });
}
