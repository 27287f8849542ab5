// A containerd of its own (root, state and socket in the client's folder), for ctr and for CRI.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Need } from "./client.ts";
import { run, startDaemon, tryRun } from "./command.ts";

export const containerdNeeds: readonly Need[] = [
  { command: "containerd", packages: ["containerd"] },
  { command: "ctr", packages: ["containerd"] },
  { command: "runc", packages: ["runc"] },
  { command: "busybox", packages: ["busybox-static"] },
];

export interface Containerd {
  readonly socket: string;
  /** The folder of `hosts.toml` files. */
  readonly hostsFolder: string;
  /** Makes the authority of the registry's certificate known to it, in `hosts.toml`. */
  trust(authority: string): Promise<void>;
}

/** The name under which `hosts.toml` maps the registry, as a cluster would name it. */
export const mappedHost = "images.example";

const startTriesMax = 100;
const startTryMs = 100;

export async function startContainerd(bench: Bench): Promise<Containerd> {
  const at = (name: string) => join(bench.folder, name);
  const hostsFolder = at("certs.d");
  await writeHosts(hostsFolder, bench, null);
  const socket = at("containerd.sock");
  await writeFile(at("containerd.toml"), configuration(bench.folder, hostsFolder));
  const daemon = startDaemon("containerd", ["-c", at("containerd.toml")], {
    logFile: at("containerd.log"),
  });
  bench.atEnd(() => daemon.stop());
  for (let count = 0; count < startTriesMax; count++) {
    const version = await tryRun("ctr", ["-a", socket, "version"]);
    if (version.code === 0) {
      const trust = (authority: string) => writeHosts(hostsFolder, bench, authority);
      return { socket, hostsFolder, trust };
    }
    if (daemon.process.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, startTryMs));
  }
  const log = await run("tail", ["-n", "5", daemon.logFile]);
  throw new Error(`containerd did not start: ${log}`);
}

/** One folder per host name: the registry under its own address, and behind a name. */
async function writeHosts(folder: string, bench: Bench, authority: string | null): Promise<void> {
  const { host } = bench.registry;
  const url = `${bench.registry.authority === null ? "http" : "https"}://${host}`;
  // Said twice: containerd asks the server when the host does not have what it wants.
  const ca = authority === null ? "" : `ca = "${authority}"`;
  const toml = (server: string) => `server = "${server}"
${ca}

[host."${url}"]
  capabilities = ["pull", "resolve", "push"]
  ${ca}
`;
  for (const name of [host, mappedHost]) {
    await mkdir(join(folder, name), { recursive: true });
    const server = name === host ? url : `https://${name}`;
    await writeFile(join(folder, name, "hosts.toml"), toml(server));
  }
}

function configuration(folder: string, hostsFolder: string): string {
  return `version = 2
root = "${join(folder, "root")}"
state = "${join(folder, "state")}"

[grpc]
  address = "${join(folder, "containerd.sock")}"

[ttrpc]
  address = "${join(folder, "containerd.sock.ttrpc")}"

[plugins."io.containerd.grpc.v1.cri"]
  disable_tcp_service = true

[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "${hostsFolder}"
`;
}
