// Which clients are here, and the installing of those that are not (Debian and Ubuntu, as root).

import type { Client, Need } from "./client.ts";
import { isInstalled, run, tryRun } from "./command.ts";

// What the clients need besides their own programs: policy files, networks, storage drivers.
const companions = [
  "golang-github-containers-common",
  "containernetworking-plugins",
  "netavark",
  "aardvark-dns",
  "conmon",
  "crun",
  "fuse-overlayfs",
  "iptables",
  "slirp4netns",
  "uidmap",
];
const installTimeoutMs = 600_000;

export function missingNeeds(client: Client): Need[] {
  return client.needs.filter((need) => !isInstalled(need.command));
}

/** Throws with apt's words when it fails. */
export async function install(needs: readonly Need[]): Promise<void> {
  const apt = (...args: string[]) =>
    run("apt-get", args, {
      environment: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: installTimeoutMs,
    });
  await apt("update");
  const packages = new Set<string>();
  for (const need of needs) packages.add(await choose(need.packages));
  for (const name of companions) if (await isKnown(name)) packages.add(name);
  await apt("install", "-y", "--no-install-recommends", ...packages);
}

export function canInstall(): boolean {
  return process.getuid?.() === 0 && isInstalled("apt-get");
}

async function choose(packages: readonly string[]): Promise<string> {
  for (const name of packages) if (await isKnown(name)) return name;
  return packages[0] ?? "";
}

async function isKnown(name: string): Promise<boolean> {
  const policy = await tryRun("apt-cache", ["policy", name]);
  return /Candidate: (?!\(none\))/.test(policy.stdout);
}
