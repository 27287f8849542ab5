// The docker command line without an engine: login, and the manifest commands, which speak to the
// registry themselves.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual } from "./comparison.ts";
import { containersEnvironment, credentials, refusal } from "./containers-tools.ts";

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
  const login = ["login", "--username", username, "--password-stdin", host];
  return [
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
      run: async () => void (await run("docker", login, { environment, input: password })),
    },
    {
      name: "inspects a manifest",
      run: async () => {
        const digest = await pushForDocker(bench, image("v1"));
        const said = await docker("manifest", "inspect", "--insecure", "--verbose", image("v1"));
        expectEqual(JSON.parse(said).Descriptor.digest, digest, "digest");
      },
    },
    {
      name: "makes a manifest list, annotates it and pushes it",
      run: async () => {
        const list = image("list");
        await docker("manifest", "create", "--insecure", list, image("v1"));
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
        const pushed = (await docker("manifest", "push", "--insecure", list)).trim();
        const read = JSON.parse(await docker("manifest", "inspect", "--insecure", list));
        expectEqual(read.manifests[0].platform.architecture, "arm64", "platform");
        if (!/sha256:[0-9a-f]{64}/.test(pushed)) throw new Error(`push said ${pushed}`);
      },
    },
    {
      name: "logs out, and reads from a public project all the same",
      run: async () => {
        await docker("logout", host);
        await docker("manifest", "inspect", "--insecure", image("list"));
      },
    },
  ];
}

/** An image in Docker's format, which these commands want; its digest. */
async function pushForDocker(bench: Bench, image: string): Promise<string> {
  const environment = await containersEnvironment(bench);
  const small = await bench.images.small(bench.folder);
  const digestFile = join(bench.folder, "digest");
  await run(
    "skopeo",
    [
      ...["copy", "--dest-tls-verify=false", "--dest-creds", credentials(bench)],
      ...["--format", "v2s2", "--digestfile", digestFile],
      ...[`oci:${small.path}:${small.tag}`, `docker://${image}`],
    ],
    { environment },
  );
  return (await run("cat", [digestFile])).trim();
}
