// The options that all verbs share which act on a server over HTTP.

import type { Command } from "commander";
import { refuseSecretFlag } from "../secret-flag.ts";
import { defaultUrl } from "./server-client.ts";

/** Called last, so that help shows a verb's own options first. */
export function addServerOptions(command: Command): void {
  command
    .option("--json", "print JSON")
    .option("--url <URL>", `the server [SAMPAN_URL, default: ${defaultUrl}]`)
    .option("--user <NAME>", "who you are [SAMPAN_USER, default: admin]")
    .option("--password-stdin", "read the password from standard input [else SAMPAN_PASSWORD]");
  refuseSecretFlag(command, "--password", "in SAMPAN_PASSWORD, or with --password-stdin");
}

export const loginHelp = `
Without a password, the login that docker or podman keeps for the server is
used, if there is one.
`;
