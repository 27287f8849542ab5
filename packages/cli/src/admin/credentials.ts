// Whose name the admin verbs act in: flags, then the environment, then what docker or podman keeps.

import { CommandFailure } from "../failure.ts";
import { findLogin } from "../kept-login.ts";
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

  const login = await findLogin(terminal, { host, repository: null, asksHelpers: false });
  // An identity token is for token services alone.
  const isWhole = login !== null && login.identityToken === undefined;
  const kept = isWhole ? { user: login.username, password: login.password } : null;
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
