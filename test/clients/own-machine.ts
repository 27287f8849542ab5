// A machine of the suite's own, for what a registry with a name and a certificate needs: names in
// /etc/hosts, an address that is not loopback (docker trusts whatever is there), ports 443 and 8080,
// authorities where clients look for them. Linux namespaces give it: a network with nothing but
// loopback in it, and an /etc that is a copy of the real one and is gone with the last process.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Need } from "./client.ts";
import { interruptions, isInstalled } from "./command.ts";

export const machineNeeds: readonly Need[] = [
  { command: "unshare", packages: ["util-linux"] },
  { command: "mount", packages: ["mount"] },
  { command: "ip", packages: ["iproute2"] },
];

/** As in the guides. */
export const registryName = "registry.example.com";
/** TEST-NET-1 (RFC 5737): it is nobody's, and does not leave the machine. */
export const registryAddress = "192.0.2.1";

const marker = "CLIENTS_ON_OWN_MACHINE";

export function isOwnMachine(): boolean {
  return process.env[marker] === "1";
}

export function canHaveOwnMachine(): boolean {
  return process.getuid?.() === 0 && isInstalled("unshare") && isInstalled("ip");
}

// The changes to /etc live in memory: the folder may itself lie on an overlay, which takes none.
const setUp = `
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work"
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc
ip link set lo up
ip address add ${registryAddress}/32 dev lo
printf '127.0.0.1 localhost\\n${registryAddress} ${registryName}\\n' >/etc/hosts
shift
exec "$@"
`;

/** Runs this very command again, on such a machine; its exit code. */
export async function runOnOwnMachine(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "sampan-clients-machine-"));
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const namespaces = ["--mount", "--net", "--propagation", "private"];
  const child = spawn("unshare", [...namespaces, "sh", "-c", setUp, "sh", folder, ...again], {
    env: { ...process.env, [marker]: "1" },
    stdio: "inherit",
  });
  for (const signal of interruptions) process.on(signal, () => void child.kill(signal));
  try {
    return await new Promise((resolve, reject) =>
      child.on("error", reject).on("exit", (code) => resolve(code ?? 1)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
