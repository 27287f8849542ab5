// skopeo: containers/image without an engine, what pipelines copy with.

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual, expectSameBlobs, sha256 } from "./comparison.ts";
import {
  containersEnvironment,
  containersNeeds,
  containersTrust,
  credentials,
  loginArguments,
  plainHttp,
  refusal,
  wrongCredentials,
} from "./containers-tools.ts";
import type { Layout } from "./images.ts";

export const skopeo: Client = {
  name: "skopeo",
  needs: [{ command: "skopeo", packages: ["skopeo"] }, ...containersNeeds],
  needsRoot: false,
  prepare,
};

const copyTimeoutMs = 240_000;
const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const environment = await containersEnvironment(bench);
  const small = await bench.images.small(bench.folder);
  const multi = await bench.images.multi(bench.folder);
  const large = await bench.images.large(bench.folder);
  const tool = createSkopeo(bench, environment);
  return [
    ...containersTrust(bench, "skopeo", environment),
    ...loginChecks(bench, environment),
    ...transferChecks(tool, small, multi),
    ...refusalChecks(bench, tool, small),
    ...privateChecks(bench, tool, small),
    deleteCheck(tool, small),
    {
      name: `pushes ${bench.images.largeMB} MB`,
      run: async () => void (await tool.push(source(large), tool.remote("large"))),
    },
    {
      name: `pulls ${bench.images.largeMB} MB back equal`,
      run: () => tool.pullBack(large, "large"),
    },
  ];
}

const source = (layout: Layout) => `oci:${layout.path}:${layout.tag}`;

/** skopeo with the options that all checks share. */
interface Skopeo {
  /** The reference of a tag in the repository of this suite. */
  remote(tag: string): string;
  readonly credentials: string;
  readonly options: TransportOptions;
  run(...args: string[]): Promise<string>;
  push(from: string, to: string, ...options: string[]): Promise<string>;
  /** As anybody: the project is public. */
  pullBack(layout: Layout, tag: string, ...options: string[]): Promise<void>;
  inspect(reference: string): Promise<string>;
  refused(...args: string[]): Promise<void>;
  fails(says: RegExp, ...args: string[]): Promise<void>;
}

/** What plain HTTP needs, by the side of the command on which the registry is. */
interface TransportOptions {
  readonly only: readonly string[];
  readonly to: readonly string[];
  readonly from: readonly string[];
}

function transportOptions(bench: Bench): TransportOptions {
  return {
    only: plainHttp(bench),
    to: plainHttp(bench, "--dest-tls-verify=false"),
    from: plainHttp(bench, "--src-tls-verify=false"),
  };
}

function createSkopeo(bench: Bench, environment: Record<string, string>): Skopeo {
  const { host, publicProject } = bench.registry;
  const remote = (tag: string) => `docker://${host}/${publicProject}/skopeo/app:${tag}`;
  const skopeo = (...args: string[]) =>
    run("skopeo", args, { environment, timeoutMs: copyTimeoutMs });
  const fails = (says: RegExp, ...args: string[]) =>
    expectRefusal("skopeo", args, { environment, says });
  const options = transportOptions(bench);
  return {
    remote,
    credentials: credentials(bench),
    options,
    run: skopeo,
    push: (from, to, ...more) =>
      skopeo("copy", ...options.to, "--dest-creds", credentials(bench), ...more, from, to),
    pullBack: async (layout, tag, ...more) => {
      const folder = await mkdtemp(join(bench.folder, "back-"));
      await skopeo("copy", ...options.from, ...more, remote(tag), `oci:${folder}:v1`);
      await expectSameBlobs(layout, folder);
      await rm(folder, { recursive: true });
    },
    inspect: (reference) => skopeo("inspect", "--raw", ...options.only, reference),
    refused: (...args) => fails(refusal, ...args),
    fails,
  };
}

function transferChecks(tool: Skopeo, small: Layout, multi: Layout): Check[] {
  const { remote, options } = tool;
  return [
    {
      name: "pushes an image and anybody pulls it back equal",
      run: async () => {
        await tool.push(source(small), remote("small"));
        await tool.pullBack(small, "small");
      },
    },
    {
      name: "pushes an index of two platforms and pulls it back equal",
      run: async () => {
        await tool.push(source(multi), remote("multi"), "--all");
        await tool.pullBack(multi, "multi", "--all");
      },
    },
    {
      name: "reads the manifest as it was pushed",
      run: async () =>
        expectEqual(sha256(await tool.inspect(remote("small"))), small.digest, "digest"),
    },
    {
      name: "pushes as Docker schema 2",
      run: async () => {
        await tool.push(source(small), remote("docker"), "--format", "v2s2");
        const manifest = JSON.parse(await tool.inspect(remote("docker")));
        expectEqual(manifest.mediaType, dockerManifest, "media type");
      },
    },
    {
      name: "copies from repository to repository",
      run: async () => {
        const copy = remote("v1").replace("/app:", "/copy:");
        await tool.push(remote("multi"), copy, ...options.from, "--all");
        expectEqual(sha256(await tool.inspect(copy)), multi.digest, "digest of the copy");
      },
    },
    {
      name: "lists the tags",
      run: async () => {
        const repository = remote("").slice(0, -1);
        const { Tags } = JSON.parse(await tool.run("list-tags", ...options.only, repository));
        expectEqual(Tags.join(" "), "docker multi small", "tags");
      },
    },
  ];
}

function deleteCheck(tool: Skopeo, small: Layout): Check {
  const multi = tool.remote("multi");
  const { only } = tool.options;
  return {
    name: "deletes a manifest, and what is left can be pulled",
    run: async () => {
      await tool.refused("delete", ...only, multi);
      await tool.run("delete", ...only, "--creds", tool.credentials, multi);
      await tool.fails(/manifest unknown/i, "inspect", "--raw", ...only, multi);
      await tool.pullBack(small, "small");
    },
  };
}

function loginChecks(bench: Bench, environment: Record<string, string>): Check[] {
  const { host, password } = bench.registry;
  const login = (secret: string) => loginArguments(bench, secret);
  return [
    {
      name: "is refused to log in with a wrong password",
      run: () => expectRefusal("skopeo", login("wrong-password"), { environment, says: refusal }),
    },
    {
      name: "logs in and out",
      run: async () => {
        await run("skopeo", login(password), { environment });
        await run("skopeo", ["logout", host], { environment });
      },
    },
  ];
}

function refusalChecks(bench: Bench, tool: Skopeo, small: Layout): Check[] {
  const copy = ["copy", ...tool.options.to];
  const to = [source(small), tool.remote("refused")];
  return [
    {
      name: "is refused to push without credentials and with wrong ones",
      run: async () => {
        await tool.refused(...copy, ...to);
        await tool.refused(...copy, "--dest-creds", wrongCredentials(bench), ...to);
      },
    },
  ];
}

function privateChecks(bench: Bench, tool: Skopeo, small: Layout): Check[] {
  const { host, privateProject } = bench.registry;
  if (privateProject === null) return [];
  const reference = `docker://${host}/${privateProject}/app:v1`;
  const target = `oci:${join(bench.folder, "stolen")}:v1`;
  const pull = ["copy", ...tool.options.from, reference, target];
  return [
    {
      name: "pulls from a private project with the right credentials only",
      run: async () => {
        await tool.push(source(small), reference);
        await tool.refused(...pull);
        await tool.refused(...pull, "--src-creds", wrongCredentials(bench));
        await tool.run(...pull, "--src-creds", credentials(bench));
      },
    },
  ];
}
