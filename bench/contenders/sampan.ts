// Ours: the built server as a user runs it, with auth or (as the peer) without.

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Contender, freePort, startServer } from "../process.ts";

export const adminPassword = "bench-password-1";

const root = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(directory: string): string {
  if (existsSync(join(directory, "package-lock.json"))) return directory;
  return rootAbove(dirname(directory));
}

/** `env` is set besides what the measurement needs. */
export function createSampan(
  auth: "none" | "password",
  env: Readonly<Record<string, string>> = {},
): Contender {
  const name = auth === "none" ? "sampan" : "sampan-auth";
  return {
    name,
    missing: () => null,
    start: async (directory) => {
      const data = join(directory, name);
      mkdirSync(data, { recursive: true });
      const listen = `127.0.0.1:${await freePort()}`;
      return startServer({
        name,
        file: process.execPath,
        directory: data,
        args: [join(root, "packages/cli/bin/sampan.cjs"), "up"],
        env: {
          SAMPAN_DATA: join(data, "data"),
          SAMPAN_LISTEN: listen,
          SAMPAN_ADMIN_LISTEN: `127.0.0.1:${await freePort()}`,
          SAMPAN_AUTH: auth,
          SAMPAN_ADMIN_PASSWORD: adminPassword,
          SAMPAN_LOG_LEVEL: "warn",
          ...env,
        },
        url: `http://${listen}`,
        readyPath: "/readyz",
      });
    },
  };
}
