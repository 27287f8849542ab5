// `sampan up`: everything in this process, and what to do next.

import type { Command } from "commander";
import type { Terminal } from "../terminal.ts";
import { passwordBox, welcome } from "./greeting.ts";
import { runRegistryProcess } from "./registry-process.ts";
import { addSettings, type SettingsOptions, settingNames } from "./settings-options.ts";

export function addUp(program: Command, terminal: Terminal): void {
  const up = program
    .command("up")
    .summary("run the whole platform here")
    .description(
      "Run the whole platform in this process, in the foreground, until Ctrl-C or SIGTERM. The " +
        "first start makes the data directory and prints the password of the user admin once.",
    )
    .addHelpText("after", examples)
    .action((options: SettingsOptions) =>
      runRegistryProcess(terminal, options, {
        showPassword: (password, data) => terminal.out(passwordBox(password, data)),
        showReady: (ready, config) => terminal.out(welcome(ready, config)),
      }),
    );
  addSettings(up, settingNames);
}

const examples = `
Ready when GET /readyz answers 200. Logs go to standard error.
SAMPAN_ADMIN_PASSWORD is admin's password from the first start on; without it
one is generated.

Examples:
  sampan up
  sampan up --data /srv/sampan --listen 127.0.0.1:5000
  SAMPAN_ADMIN_PASSWORD=… sampan up --config sampan.yaml`;
