// What the admin port's page shows of a registry.

import type { Clock } from "@sampan/env";
import type { DebugSection } from "../admin/debug-page.ts";
import type { Health } from "../admin/health.ts";
import { settingNames, settings } from "../config/config.ts";
import type { LocalStore } from "../local-store.ts";
import type { RegistryRole } from "./registry.ts";

export interface RegistryState {
  readonly clock: Clock;
  readonly health: Health;
  readonly local: LocalStore;
  readonly role: RegistryRole;
}

export function describeRegistry(state: RegistryState): readonly DebugSection[] {
  return [describeProcess(state), describeStore(state.local), describeConfig(state.role)];
}

function describeProcess({ clock, health, role }: RegistryState): DebugSection {
  const memory = process.memoryUsage();
  const uptimeS = Math.round(process.uptime());
  const started = new Date(clock.now() - uptimeS * 1000).toISOString();
  return {
    title: "Process",
    rows: [
      ["phase", health.phase()],
      ["version", `${role.version} on Node ${process.versions.node}`],
      ["pid", String(process.pid)],
      ["started", `${started} (${uptimeS} s ago)`],
      ["resident memory", inMiB(memory.rss)],
      ["JavaScript heap", `${inMiB(memory.heapUsed)} of ${inMiB(memory.heapTotal)}`],
      ["buffers outside it", inMiB(memory.arrayBuffers)],
    ],
  };
}

function describeStore({ directory, store }: LocalStore): DebugSection {
  const stats = Object.entries(store.stats());
  return {
    title: "Store",
    rows: [
      ["data directory", directory.path],
      ["newest timestamp", describeTimestamp(store.newestTimestamp())],
      ["oldest readable moment", describeTimestamp(store.safePoint())],
      ...stats.map(([name, value]) => [name, String(value)] as const),
    ],
  };
}

function describeConfig({ config }: RegistryRole): DebugSection {
  const rows = settingNames.map((name) => {
    const value = config[name];
    const shown = settings[name].kind.name === "secret" ? "(hidden)" : JSON.stringify(value);
    return [name, value === null ? "not set" : shown] as const;
  });
  return { title: "Configuration", rows };
}

/** Physical milliseconds in the upper bits (TiKV's TSO). */
function describeTimestamp(timestamp: bigint): string {
  return `${timestamp} (${new Date(Number(timestamp >> 18n)).toISOString()})`;
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
