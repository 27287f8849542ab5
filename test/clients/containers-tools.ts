// What skopeo, podman and buildah share: their configuration in a throwaway folder, so that nothing
// of this machine's images, logins or settings is read or changed.

import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Bench, Check, DebianNeed } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { trustChecks, trustInFolder, untrusted } from "./trust.ts";

/** The policy file without which none of them starts. */
export const containersNeeds: readonly DebianNeed[] = [
  { command: "busybox", packages: ["busybox-static"] },
];

export async function containersEnvironment(bench: Bench): Promise<Record<string, string>> {
  const { folder } = bench;
  const at = (name: string) => join(folder, name);
  for (const name of ["home", "run", "tmp"])
    await mkdir(at(name), { recursive: true, mode: 0o700 });
  await writeFile(at("auth.json"), JSON.stringify({ auths: {} }));
  await writeFile(at("storage.conf"), storageConf(folder));
  await writeFile(at("containers.conf"), containersConf);
  await writeFile(at("registries.conf"), registriesConf(bench));
  return {
    HOME: at("home"),
    XDG_RUNTIME_DIR: at("run"),
    TMPDIR: at("tmp"),
    REGISTRY_AUTH_FILE: at("auth.json"),
    CONTAINERS_STORAGE_CONF: at("storage.conf"),
    CONTAINERS_CONF: at("containers.conf"),
    CONTAINERS_REGISTRIES_CONF: at("registries.conf"),
  };
}

function storageConf(folder: string): string {
  return `[storage]
driver = "overlay"
runroot = "${join(folder, "storage-run")}"
graphroot = "${join(folder, "storage")}"
`;
}

// Without limits of its own podman asks for ones that a container in CI may not set; crun refuses
// machines whose cgroups are of both versions.
const containersConf = `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

// For the commands that have no option for plain HTTP.
function registriesConf({ registry }: Bench): string {
  return `[[registry]]
location = "${registry.host}"
insecure = ${registry.authority === null}
`;
}

/** Where the registry speaks plain HTTP: the option that allows it. */
export function plainHttp(bench: Bench, option = "--tls-verify=false"): string[] {
  return bench.registry.authority === null ? [option] : [];
}

/** Of skopeo, podman and buildah. */
export function loginArguments(bench: Bench, password: string): string[] {
  const { host, username } = bench.registry;
  return ["login", ...plainHttp(bench), "-u", username, "-p", password, host];
}

const trustFolder = "/etc/containers/certs.d";

/** Shown with a login, for skopeo, podman and buildah alike. */
export function containersTrust(
  bench: Bench,
  command: string,
  environment: Readonly<Record<string, string>>,
): Check[] {
  const { host, username, password } = bench.registry;
  const login = ["login", "-u", username, "-p", password, host];
  return trustChecks(bench, {
    refuse: () => expectRefusal(command, login, { environment, says: untrusted }),
    learn: (authority) => trustInFolder(bench, trustFolder, authority),
    accept: async () => {
      await run(command, login, { environment });
      await run(command, ["logout", host], { environment });
    },
  });
}

/** For a client that uses skopeo just to have something in the registry. */
export async function pushWithSkopeo(
  bench: Bench,
  layout: { readonly path: string; readonly tag: string },
  to: { readonly image: string; readonly options?: readonly string[] },
): Promise<void> {
  const environment = await containersEnvironment(bench);
  const { authority } = bench.registry;
  if (authority !== null) await trustInFolder(bench, trustFolder, authority);
  await run(
    "skopeo",
    [
      ...["copy", ...plainHttp(bench, "--dest-tls-verify=false")],
      ...["--dest-creds", credentials(bench), ...(to.options ?? [])],
      ...[`oci:${layout.path}:${layout.tag}`, `docker://${to.image}`],
    ],
    { environment },
  );
}

export function credentials(bench: Bench): string {
  return `${bench.registry.username}:${bench.registry.password}`;
}

/** Of nobody, and another nobody for each client: a registry slows down who guesses too often. */
export function wrongCredentials(bench: Bench): string {
  return `${nobody(bench)}:not-the-password`;
}

export function nobody(bench: Bench): string {
  return `nobody-${basename(bench.folder)}`;
}

/** How registries and clients put it that somebody may not. */
export const refusal =
  /unauthorized|authentication required|denied|401|invalid username\/password/i;
