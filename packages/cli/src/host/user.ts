// `sampan user reset-password`: the way back in, for whoever may write the data directory.

import type { Command } from "commander";
import { readPassword } from "../admin/credentials.ts";
import { CommandFailure } from "../failure.ts";
import { printJson } from "../output.ts";
import { refuseSecretFlag } from "../secret-flag.ts";
import type { Terminal } from "../terminal.ts";
import { readVersion } from "../version.ts";
import { dataPath } from "./data-path.ts";
import { addSettings, resolveSettings, type SettingsOptions } from "./settings-options.ts";

export function addUser(program: Command, terminal: Terminal): void {
  const user = program
    .command("user")
    .summary("reset a user's password, on the server's machine")
    .description("Users of the server whose data directory is on this machine.");

  const reset = user
    .command("reset-password")
    .argument("<NAME>", "the user, such as admin")
    .summary("set a new password, with the server stopped")
    .description(
      "Set a new password for a user, without knowing the old one, in the data directory on this " +
        "machine. The server must be stopped. Without --password-stdin a password is generated.",
    )
    .option("--password-stdin", "read the new password from standard input")
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action((name: string, options: ResetOptions) => resetPassword(terminal, name, options));
  refuseSecretFlag(reset, "--password", "with --password-stdin");
  addSettings(reset, ["data"]);
}

const examples = `
Examples:
  sampan user reset-password admin
  sampan user reset-password admin --password-stdin < password.txt`;

type ResetOptions = SettingsOptions & {
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
};

async function resetPassword(
  terminal: Terminal,
  user: string,
  options: ResetOptions,
): Promise<void> {
  const { config } = await resolveSettings(terminal, options);
  const password = options.passwordStdin === true ? await readPassword(terminal) : null;
  const { createNodeEnv } = await import("@sampan/env/node");
  const { resetPasswordOnHost } = await import("@sampan/server/roles/password-reset");
  const env = createNodeEnv({
    service: "user",
    log: {
      level: "error",
      format: "pretty",
      ...(terminal.logStream === null ? {} : { stream: terminal.logStream }),
    },
  });
  const done = await resetPasswordOnHost(env, {
    user,
    password,
    dataDirectory: dataPath(config.data, terminal.environment).path,
    version: readVersion(),
  });
  env.flush();
  if (!done.ok) throw new CommandFailure(done.error);
  if (options.json === true) printJson(terminal, { user, generatedPassword: done.value });
  else if (done.value === null) terminal.out(`${user} has the new password\n`);
  else terminal.out(`${user} has a new password, shown this once: ${done.value}\n`);
}
