// `sampan serve ROLE`: one role, for service managers and containers.

import type { Command } from "commander";
import type { Terminal } from "../terminal.ts";
import { passwordBox } from "./greeting.ts";
import { runRegistryProcess } from "./registry-process.ts";
import { addSettings, type SettingsOptions, settingNames } from "./settings-options.ts";

export function addServe(program: Command, terminal: Terminal): void {
  const serve = program
    .command("serve")
    .summary("run one role, for service managers")
    .description("Run one role in the foreground until SIGTERM, as service managers want it.");

  const registry = serve
    .command("registry")
    .summary("run the registry, on the store of this machine")
    .description("Run the registry on the store of this machine until SIGTERM.")
    .addHelpText("after", examples)
    .action((options: SettingsOptions) =>
      runRegistryProcess(terminal, options, {
        showPassword: (password, data) => terminal.out(passwordBox(password, data)),
        // The log says it too: a service manager asks /readyz.
        showReady: () => undefined,
      }),
    );
  addSettings(registry, settingNames);
}

const examples = `
Ready when GET /readyz answers 200. Logs go to standard error.
SAMPAN_ADMIN_PASSWORD is admin's password from the first start on; without it
one is generated.

Examples:
  sampan serve registry --config /etc/sampan/sampan.yaml
  sampan serve registry --listen :8080 --external-url https://r.example.com`;
