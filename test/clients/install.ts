// Which clients are here, and the installing of those that are not: from packages (Debian and
// Ubuntu, as root), or from Go modules.

import type { DebianNeed, GoNeed, Need } from "./client.ts";
import { isInstalled, run, tryRun } from "./command.ts";
import { build, goFolder, isBuilt } from "./go-programs.ts";

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

export function missingNeeds(needs: readonly Need[]): Need[] {
  return needs.filter((need) => (isGo(need) ? !isBuilt(need) : !isInstalled(need.command)));
}

/** Go programs are found before others of their names. */
export function searchPath(needs: readonly Need[], path: string): string {
  return [...needs.filter(isGo).map(goFolder), path].join(":");
}

/** Throws with the words of apt or of the compiler when it fails. */
export async function install(needs: readonly Need[]): Promise<void> {
  const missing = new Map(missingNeeds(needs).map((need) => [need.command, need]));
  const debian = [...missing.values()].filter((need): need is DebianNeed => !isGo(need));
  if (debian.length > 0) await installPackages(debian);
  for (const need of missing.values()) if (isGo(need)) await build(need);
}

function isGo(need: Need): need is GoNeed {
  return "module" in need;
}

async function installPackages(needs: readonly DebianNeed[]): Promise<void> {
  if (process.getuid?.() !== 0 || !isInstalled("apt-get")) return;
  console.log(`installing ${needs.map((need) => need.command).join(", ")}`);
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

async function choose(packages: readonly string[]): Promise<string> {
  for (const name of packages) if (await isKnown(name)) return name;
  return packages[0] ?? "";
}

async function isKnown(name: string): Promise<boolean> {
  const policy = await tryRun("apt-cache", ["policy", name]);
  return /Candidate: (?!\(none\))/.test(policy.stdout);
}
