// What `sampan up` and `sampan serve registry` share: settings to configuration, the world, the
// role, and the end of it.

import type { NodeEnv } from "@sampan/env/node";
import type { Config } from "@sampan/server/config";
import type { RegistryReady } from "@sampan/server/roles/registry";
import { CommandFailure } from "../failure.ts";
import type { Terminal } from "../terminal.ts";
import { readVersion } from "../version.ts";
import { dataPath } from "./data-path.ts";
import { resolveSettings, type SettingsOptions } from "./settings-options.ts";

export interface RegistryFaces {
  /** At the first start; the only time it can be read. The directory: null is the usual one. */
  showPassword(password: string, dataDirectory: string | null): void;
  /** Clients can come now. */
  showReady(ready: RegistryReady, config: Config): void;
}

/** Until the process is asked to stop. */
export async function runRegistryProcess(
  terminal: Terminal,
  options: SettingsOptions,
  faces: RegistryFaces,
): Promise<void> {
  const { config, warnings } = await resolveSettings(terminal, options);
  const env = await createEnv(terminal, config);
  for (const warning of warnings) env.log.warn(warning);
  terminal.onCrash((error) => {
    env.log.error("an error that nobody caught ends the process", { error });
    env.flush();
  });

  let reload = (): void => undefined;
  const hasCertificate = config.tlsCertificate !== null;
  const onHangUp = (): void => {
    if (hasCertificate) reload();
    else env.log.info("SIGHUP: there is no tlsCertificate to read again; SIGTERM stops the server");
  };
  const { runRegistry } = await import("@sampan/server/roles/registry");
  const ended = await runRegistry(
    env,
    {
      config,
      data: dataPath(config.data, terminal.environment),
      version: readVersion(),
      showPassword: (password) => faces.showPassword(password, config.data),
      showReady: (ready) => faces.showReady(ready, config),
      onReload: (listener) => {
        reload = listener;
      },
    },
    // A terminal that is closed hangs up, and means the end.
    terminal.stopSignal(terminal.logIsRead && !hasCertificate ? null : onHangUp),
  );
  if (ended.ok) env.log.info("stopped");
  env.flush();
  if (!ended.ok) throw new CommandFailure(ended.error);
}

async function createEnv(terminal: Terminal, config: Config): Promise<NodeEnv> {
  const { createNodeEnv } = await import("@sampan/env/node");
  const { logFormat, logLevel } = config;
  const format = logFormat === "auto" ? (terminal.logIsRead ? "pretty" : "json") : logFormat;
  return createNodeEnv({
    service: "registry",
    processMetrics: true,
    log: {
      level: logLevel,
      format,
      color: terminal.logIsRead,
      ...(terminal.logStream === null ? {} : { stream: terminal.logStream }),
    },
  });
}
