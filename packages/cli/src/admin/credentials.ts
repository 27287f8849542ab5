// Whose name the admin verbs act in: flags, then the environment, then what docker or podman keeps.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CommandFailure } from "../failure.ts";
import type { Terminal } from "../terminal.ts";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface CredentialOptions {
  readonly user?: string;
  readonly passwordStdin?: boolean;
}

/** Null: go as anonymous. `host` is host:port of the server, the key of docker's file. */
export async function findCredentials(
  terminal: Terminal,
  host: string,
  options: CredentialOptions,
): Promise<Credentials | null> {
  const { environment } = terminal;
  const user = options.user ?? (environment["SAMPAN_USER"] || undefined);
  const password =
    options.passwordStdin === true
      ? await readPassword(terminal)
      : environment["SAMPAN_PASSWORD"] || undefined;
  if (password !== undefined) return { user: user ?? "admin", password };

  const kept = await keptLogin(environment, host);
  if (user === undefined || kept?.user === user) return kept;
  throw new CommandFailure(
    `no password for ${user}; give it in SAMPAN_PASSWORD or with --password-stdin`,
    2,
  );
}

/** The first line of standard input. */
export async function readPassword(terminal: Terminal): Promise<string> {
  const [line = ""] = (await terminal.readInput()).split(/\r?\n/, 1);
  if (line !== "") return line;
  throw new CommandFailure("standard input holds no password; pipe it in: … | sampan …", 2);
}

async function keptLogin(
  environment: Terminal["environment"],
  host: string,
): Promise<Credentials | null> {
  for (const file of loginFiles(environment)) {
    const found = loginOf(await readOrNull(file), host);
    if (found !== null) return found;
  }
  return null;
}

/** docker's and podman's files (containers-auth.json(5)). Credential helpers are not asked. */
function loginFiles(environment: Terminal["environment"]): string[] {
  const runtime = environment["XDG_RUNTIME_DIR"];
  const home = environment["HOME"] || homedir();
  const podman = runtime ? [join(runtime, "containers", "auth.json")] : [];
  const named = environment["REGISTRY_AUTH_FILE"];
  const docker = environment["DOCKER_CONFIG"] || join(home, ".docker");
  return [...(named ? [named] : []), ...podman, join(docker, "config.json")];
}

function loginOf(text: string | null, host: string): Credentials | null {
  if (text === null) return null;
  try {
    const { auths } = JSON.parse(text);
    const login = ["", "http://", "https://"].map((scheme) => auths?.[`${scheme}${host}`]);
    const encoded = login.find((entry) => typeof entry?.auth === "string")?.auth;
    const decoded = Buffer.from(encoded ?? "", "base64").toString();
    const colon = decoded.indexOf(":");
    if (colon < 1) return null;
    return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  } catch {
    // The file belongs to another program; one that cannot be read holds no login for us.
    return null;
  }
}

async function readOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
