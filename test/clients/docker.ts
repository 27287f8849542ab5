// The docker command line without an engine: login, and the manifest commands, which speak to the
// registry themselves.

import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual } from "./comparison.ts";
import { plainHttp, pushWithSkopeo, refusal } from "./containers-tools.ts";
import { trustChecks, trustInFolder, untrusted } from "./trust.ts";

export const docker: Client = {
  name: "docker",
  needs: [
    { command: "docker", packages: ["docker-cli", "docker.io"] },
    { command: "skopeo", packages: ["skopeo"] },
    { command: "busybox", packages: ["busybox-static"] },
  ],
  needsRoot: false,
  prepare,
};

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const configuration = join(bench.folder, "docker");
  await mkdir(configuration);
  // No engine is asked, not even one that runs on this machine.
  const environment = {
    DOCKER_CONFIG: configuration,
    DOCKER_HOST: `unix://${join(bench.folder, "no-engine.sock")}`,
  };
  const { host, publicProject, username, password } = bench.registry;
  const docker = (...args: string[]) => run("docker", args, { environment });
  const image = (tag: string) => `${host}/${publicProject}/docker/app:${tag}`;
  const insecure = plainHttp(bench, "--insecure");
  const login = ["login", "--username", username, "--password-stdin", host];
  const loggedIn = { environment, input: password };
  return [
    ...trustChecks(bench, {
      refuse: () => expectRefusal("docker", login, { ...loggedIn, says: untrusted }),
      learn: (authority) => trustInFolder(bench, "/etc/docker/certs.d", authority),
      accept: async () => void (await run("docker", login, loggedIn)),
    }),
    {
      name: "is refused to log in with a wrong password",
      run: () =>
        expectRefusal("docker", login, {
          environment,
          input: "wrong-password",
          says: refusal,
        }),
    },
    {
      name: "logs in",
      run: async () => void (await run("docker", login, loggedIn)),
    },
    {
      name: "inspects a manifest",
      run: async () => {
        const digest = await pushForDocker(bench, image("v1"));
        const said = await docker("manifest", "inspect", ...insecure, "--verbose", image("v1"));
        expectEqual(JSON.parse(said).Descriptor.digest, digest, "digest");
      },
    },
    {
      name: "makes a manifest list, annotates it and pushes it",
      run: async () => {
        const list = image("list");
        await docker("manifest", "create", ...insecure, list, image("v1"));
        await docker(
          "manifest",
          "annotate",
          "--arch",
          "arm64",
          "--variant",
          "v8",
          list,
          image("v1"),
        );
        const pushed = (await docker("manifest", "push", ...insecure, list)).trim();
        const read = JSON.parse(await docker("manifest", "inspect", ...insecure, list));
        expectEqual(read.manifests[0].platform.architecture, "arm64", "platform");
        if (!/sha256:[0-9a-f]{64}/.test(pushed)) throw new Error(`push said ${pushed}`);
      },
    },
    {
      name: "logs out, and reads from a public project all the same",
      run: async () => {
        await docker("logout", host);
        await docker("manifest", "inspect", ...insecure, image("list"));
      },
    },
  ];
}

/** An image in Docker's format, which these commands want; its digest. */
async function pushForDocker(bench: Bench, image: string): Promise<string> {
  const small = await bench.images.small(bench.folder);
  const digestFile = join(bench.folder, "digest");
  const options = ["--format", "v2s2", "--digestfile", digestFile];
  await pushWithSkopeo(bench, small, { image, options });
  return (await readFile(digestFile, "utf8")).trim();
}
