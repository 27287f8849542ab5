// podman: pulls into storage of its own, runs what it pulled, and pushes from there.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual, expectIncludes } from "./comparison.ts";
import {
  containersEnvironment,
  containersNeeds,
  containersTrust,
  credentials,
  loginArguments,
  plainHttp,
  refusal,
} from "./containers-tools.ts";
import type { Layout } from "./images.ts";

export const podman: Client = {
  name: "podman",
  needs: [
    { command: "podman", packages: ["podman"] },
    { command: "runc", packages: ["runc"] },
    { command: "conmon", packages: ["conmon"] },
    ...containersNeeds,
  ],
  needsRoot: true,
  prepare,
};

const copyTimeoutMs = 240_000;

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const environment = await containersEnvironment(bench);
  const { host, publicProject } = bench.registry;
  const repository = `${host}/${publicProject}/podman/app`;
  const plain = plainHttp(bench);
  const podman = (...args: string[]) =>
    run("podman", args, { environment, timeoutMs: copyTimeoutMs });
  bench.atEnd(async () => void (await podman("system", "reset", "--force")));

  const small = await bench.images.small(bench.folder);
  const large = await bench.images.large(bench.folder);
  /** The digest that the registry has now. */
  const push = async (layout: Layout, tag: string): Promise<string> => {
    const digestFile = join(bench.folder, `digest-${tag}`);
    await podman("pull", "--quiet", `oci:${layout.path}:${layout.tag}`);
    const image = await imageOf(podman, layout);
    const options = [...plain, "--digestfile", digestFile, "--format", "oci"];
    await podman("push", ...options, image, `${repository}:${tag}`);
    await podman("rmi", "--force", image);
    return (await readFile(digestFile, "utf8")).trim();
  };
  const digests = new Map<string, string>();
  const pushed = async (layout: Layout, tag: string) => {
    digests.set(tag, await push(layout, tag));
  };
  const pull = async (tag: string) => {
    await podman("pull", "--quiet", ...plain, `${repository}:${tag}`);
    const digest = await podman("image", "inspect", "-f", "{{.Digest}}", `${repository}:${tag}`);
    expectEqual(digest.trim(), digests.get(tag) ?? "nothing", "digest of the pulled image");
  };

  return [
    ...containersTrust(bench, "podman", environment),
    ...loginChecks(bench, environment),
    { name: "pushes an image", run: () => pushed(small, "small") },
    { name: "pulls it back with the digest it was pushed with", run: () => pull("small") },
    {
      name: "runs what it pulled",
      run: async () => {
        const command = ["run", "--rm", "--network", "none", `${repository}:small`];
        expectEqual((await podman(...command, "echo", "aboard")).trim(), "aboard", "output");
      },
    },
    {
      name: "lists the tags",
      run: async () => {
        const options = [...plain, "--list-tags", "--format", "json"];
        const [found] = JSON.parse(await podman("search", ...options, repository));
        expectIncludes(found.Tags, "small", "tags");
      },
    },
    {
      name: "searches the catalog for a repository",
      run: async () => {
        const found = JSON.parse(
          await podman("search", ...plain, "--format", "json", `${host}/podman/app`),
        );
        const names = found.map((one: { Name: string }) => one.Name);
        expectIncludes(names, repository, "repositories found");
      },
    },
    {
      name: "pushes a manifest list and reads it back",
      run: async () => {
        await podman("manifest", "create", "list", `containers-storage:${repository}:small`);
        const to = `docker://${repository}:list`;
        await podman("manifest", "push", ...plain, "--all", "list", to);
        const list = JSON.parse(await podman("manifest", "inspect", `${repository}:list`));
        expectEqual(`${list.manifests.length}`, "1", "entries of the list");
      },
    },
    { name: `pushes ${bench.images.largeMB} MB`, run: () => pushed(large, "large") },
    { name: `pulls ${bench.images.largeMB} MB back`, run: () => pull("large") },
    ...refusalChecks(bench, environment),
  ];
}

function loginChecks(bench: Bench, environment: Record<string, string>): Check[] {
  const { password } = bench.registry;
  const login = (secret: string) => loginArguments(bench, secret);
  return [
    {
      name: "is refused to log in with a wrong password",
      run: () => expectRefusal("podman", login("wrong-password"), { environment, says: refusal }),
    },
    {
      name: "logs in",
      run: async () => void (await run("podman", login(password), { environment })),
    },
  ];
}

function refusalChecks(bench: Bench, environment: Record<string, string>): Check[] {
  const { host, publicProject, privateProject } = bench.registry;
  const image = `${host}/${publicProject}/podman/app:small`;
  const plain = plainHttp(bench);
  const refused = (...args: string[]) =>
    expectRefusal("podman", args, { environment, says: refusal });
  const anonymous: Check = {
    name: "pulls from a public project without a login, and may not push",
    run: async () => {
      await run("podman", ["logout", host], { environment });
      await run("podman", ["rmi", "--force", image], { environment });
      await run("podman", ["pull", "--quiet", ...plain, image], { environment });
      await refused("push", ...plain, image, `${host}/${publicProject}/podman/app:refused`);
    },
  };
  if (privateProject === null) return [anonymous];
  const secret = `${host}/${privateProject}/podman:v1`;
  return [
    anonymous,
    {
      name: "pulls from a private project with credentials only",
      run: async () => {
        const creds = ["--creds", credentials(bench)];
        await run("podman", ["push", ...plain, ...creds, image, secret], { environment });
        await refused("pull", "--quiet", ...plain, secret);
        await run("podman", ["pull", "--quiet", ...plain, ...creds, secret], { environment });
      },
    },
  ];
}

/** The id under which storage keeps what came from a layout: the digest of its config. */
async function imageOf(
  podman: (...args: string[]) => Promise<string>,
  layout: Layout,
): Promise<string> {
  const images = JSON.parse(await podman("images", "--format", "json", "--digests"));
  const found = images.find((image: { Digest?: string }) => image.Digest === layout.digest);
  if (found === undefined) throw new Error(`podman did not take ${layout.path}`);
  return String(found.Id);
}
