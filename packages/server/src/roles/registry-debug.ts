// What the admin port's page shows of a registry.

import type { Clock } from "@sampan/env";
import type { Network } from "@sampan/registry";
import type { DebugSection } from "../admin/debug-page.ts";
import type { Health } from "../admin/health.ts";
import {
  type Config,
  formatAddress,
  formatBucketPlace,
  type SettingName,
  settingNames,
  settings,
} from "../config/config.ts";
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
  const stats = store.stats();
  return {
    title: "Store",
    rows: [
      ["data directory", directory.path],
      ["takes writes", stats.hasFailed ? "no: one failed, start the server again" : "yes"],
      ["newest timestamp", describeTimestamp(store.newestTimestamp())],
      ["oldest readable moment", describeTimestamp(store.safePoint())],
      ["transactions open", String(stats.transactionsOpen)],
      ["snapshots open", String(stats.snapshotsOpen)],
      ["commits that wait for the disk", String(stats.commitsPending)],
      ["keys remembered for conflicts", String(stats.recentKeys)],
      ["keys of hot locks", String(stats.hotKeys)],
    ],
  };
}

function describeConfig({ config }: RegistryRole): DebugSection {
  const rows = settingNames.map((name) => [name, describeSetting(config, name)] as const);
  return { title: "Configuration", rows };
}

function describeSetting(config: Config, name: SettingName): string {
  const value = config[name];
  if (value === null) return nullWords[name] ?? "not set";
  switch (settings[name].kind.name) {
    case "secret":
      return "set, not shown";
    case "duration":
      return `${value} ms`;
    case "size":
      return `${value} B`;
    default:
      if (typeof value !== "object") return String(value);
      if ("bucket" in value) return formatBucketPlace(value);
      return "port" in value ? formatAddress(value) : value.map(formatNetwork).join(", ");
  }
}

/** What null was written as. */
const nullWords: Partial<Record<SettingName, string>> = {
  adminListen: "off",
  blobs: "filesystem",
  s3Redirect: "off",
};

function formatNetwork({ address, bits }: Network): string {
  return `${address}/${bits}`;
}

/** Physical milliseconds in the upper bits (TiKV's TSO); 0 is before everything. */
function describeTimestamp(timestamp: bigint): string {
  if (timestamp === 0n) return "0";
  return `${timestamp} (${new Date(Number(timestamp >> 18n)).toISOString()})`;
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
