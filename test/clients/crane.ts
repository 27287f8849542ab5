// crane (go-containerregistry): talks to registries alone, keeps nothing; what build pipelines and
// ko are made of.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tarArchive } from "@sampan/oci/testing";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run, tryRun } from "./command.ts";
import { expectEqual, expectIncludes, expectSameBlobs, sha256 } from "./comparison.ts";
import { nobody, refusal } from "./containers-tools.ts";
import type { Layout } from "./images.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const crane: Client = {
  name: "crane",
  needs: [
    {
      command: "crane",
      module: "github.com/google/go-containerregistry/cmd/crane",
      version: "v0.22.1",
    },
    { command: "busybox", packages: ["busybox-static"] },
  ],
  needsRoot: false,
  prepare,
};

/** crane asks for 1,000 tags a page. */
const manyTags = 1_050;

interface Crane {
  readonly repository: string;
  run(...args: string[]): Promise<string>;
  /** What it writes of its progress. */
  told(...args: string[]): Promise<string>;
  /** The sha256 of the manifest as the registry gives it. */
  digest(reference: string): Promise<string>;
  fails(says: RegExp, ...args: string[]): Promise<void>;
}

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const { host, publicProject } = bench.registry;
  // Go programs without an option for it read the system's authorities, or the file named here.
  const environment: Record<string, string> = { DOCKER_CONFIG: join(bench.folder, "login") };
  await mkdir(join(bench.folder, "login"));
  const tool: Crane = {
    repository: `${host}/${publicProject}/crane/app`,
    run: (...args) => run("crane", args, { environment }),
    told: async (...args) => (await tryRun("crane", args, { environment })).stderr,
    digest: async (reference) => (await tool.run("digest", reference)).trim(),
    fails: (says, ...args) => expectRefusal("crane", args, { environment, says }),
  };
  const small = await bench.images.small(bench.folder);
  const multi = await bench.images.multi(bench.folder);
  const large = await bench.images.large(bench.folder);
  return [
    ...trustChecks(bench, {
      refuse: () => tool.fails(untrusted, "ls", `${host}/${publicProject}/crane/none`),
      learn: async (authority) => {
        environment["SSL_CERT_FILE"] = authority;
      },
      accept: () => tool.fails(/NAME_UNKNOWN/, "ls", `${host}/${publicProject}/crane/none`),
    }),
    loginCheck(bench, tool, small),
    ...transferChecks(bench, tool, { small, multi, large }),
    ...indexChecks(tool, multi),
    ...listChecks(bench, tool, small),
    deleteCheck(tool, small),
  ];
}

function loginCheck(bench: Bench, tool: Crane, small: Layout): Check {
  const { host, username, password } = bench.registry;
  const login = ["auth", "login", host, "-u"];
  const push = ["push", small.path, `${tool.repository}:refused`];
  return {
    name: "is refused to push without a login and with a wrong one, and logs in",
    run: async () => {
      await tool.fails(refusal, ...push);
      await tool.run(...login, nobody(bench), "-p", "wrong-password");
      await tool.fails(refusal, ...push);
      await tool.run(...login, username, "-p", password);
    },
  };
}

interface Layouts {
  readonly small: Layout;
  readonly multi: Layout;
  readonly large: Layout;
}

function transferChecks(bench: Bench, tool: Crane, { small, multi, large }: Layouts): Check[] {
  const { repository } = tool;
  const pullBack = async (layout: Layout, tag: string) => {
    const folder = join(bench.folder, `back-${tag}`);
    await tool.run("pull", "--format", "oci", `${repository}:${tag}`, folder);
    await expectSameBlobs(layout, folder);
  };
  return [
    {
      name: "pushes an image and pulls it back equal",
      run: async () => {
        await tool.run("push", small.path, `${repository}:small`);
        await pullBack(small, "small");
      },
    },
    {
      name: "pushes an index of two platforms and pulls it back equal",
      run: async () => {
        await tool.run("push", multi.path, `${repository}:multi`);
        await pullBack(multi, "multi");
      },
    },
    {
      name: "pulls a tarball, pushes it to another repository and finds it valid",
      run: async () => {
        const tarball = join(bench.folder, "small.tar");
        await tool.run("pull", `${repository}:small`, tarball);
        await tool.run("validate", "--tarball", tarball);
        await tool.run("push", tarball, `${repository}-tarball:v1`);
        await tool.run("validate", "--remote", `${repository}-tarball:v1`);
      },
    },
    {
      name: "copies from repository to repository by mounting",
      run: async () => {
        const copy = `${repository}-copy:v1`;
        const said = await tool.told("copy", `${repository}:small`, copy);
        const mounted = said.match(/mounted blob/g)?.length ?? 0;
        expectEqual(`${mounted}`, "4", `blobs mounted, says crane (${said})`);
        expectEqual(await tool.digest(copy), small.digest, "digest of the copy");
        await tool.run("validate", "--remote", copy);
      },
    },
    {
      name: `pushes ${bench.images.largeMB} MB and pulls it back equal`,
      run: async () => {
        await tool.run("push", large.path, `${repository}:large`);
        await pullBack(large, "large");
      },
    },
    {
      name: "reads manifest, config, a blob and the file system as they were pushed",
      run: async () => {
        const manifest = await tool.run("manifest", `${repository}:small`);
        expectEqual(sha256(manifest), small.digest, "digest of the manifest");
        const { config } = JSON.parse(manifest);
        const read = await tool.run("config", `${repository}:small`);
        expectEqual(sha256(read), config.digest, "digest of the config");
        const blob = await tool.run("blob", `${repository}@${config.digest}`);
        expectEqual(sha256(blob), config.digest, "digest of the blob");
        const tarball = join(bench.folder, "export.tar");
        await tool.run("export", `${repository}:small`, tarball);
        const exported = await readFile(tarball);
        if (!exported.includes("bin/busybox")) throw new Error("the export has no bin/busybox");
      },
    },
    appendCheck(bench, tool),
  ];
}

function appendCheck(bench: Bench, tool: Crane): Check {
  const { repository } = tool;
  return {
    name: "appends a layer and changes a label in the registry",
    run: async () => {
      const layer = join(bench.folder, "layer.tar");
      const bytes = Buffer.from("aboard");
      await writeFile(layer, tarArchive([{ type: "file", path: "cargo", bytes }]));
      const [from, to] = [`${repository}:small`, `${repository}:appended`];
      await tool.run("append", "-b", from, "-f", layer, "-t", to);
      await tool.run("mutate", to, "--label", "ship=sampan", "-t", to);
      await tool.run("validate", "--remote", to);
      const config = JSON.parse(await tool.run("config", to));
      expectEqual(`${config.config.Labels.ship}`, "sampan", "label");
      expectEqual(`${config.rootfs.diff_ids.length}`, "4", "layers");
    },
  };
}

function indexChecks(tool: Crane, multi: Layout): Check[] {
  const { repository } = tool;
  return [
    {
      name: "appends to an index and filters it by platform",
      run: async () => {
        const added = `${repository}:index-added`;
        const parts = ["-m", `${repository}:multi`, "-m", `${repository}:small`];
        await tool.run("index", "append", ...parts, "-t", added);
        const all = JSON.parse(await tool.run("manifest", added));
        expectEqual(`${all.manifests.length}`, "3", "manifests of the index");
        const filtered = `${repository}:index-filtered`;
        await tool.run("index", "filter", added, "--platform", "linux/arm64", "-t", filtered);
        const one = JSON.parse(await tool.run("manifest", filtered));
        expectEqual(one.manifests[0].platform.architecture, "arm64", "platform that is left");
        expectEqual(`${one.manifests.length}`, "1", "manifests that are left");
        expectEqual(await tool.digest(`${repository}:multi`), multi.digest, "the first index");
      },
    },
  ];
}

function listChecks(bench: Bench, tool: Crane, small: Layout): Check[] {
  const { host, publicProject } = bench.registry;
  const { repository } = tool;
  return [
    {
      name: "lists more tags than a page holds",
      run: async () => {
        await pushTags(bench, small, { repository: "crane/tags", count: manyTags });
        const tags = (await tool.run("ls", `${host}/${publicProject}/crane/tags`)).trim();
        const found = new Set(tags.split("\n"));
        expectEqual(`${found.size}`, `${manyTags + 1}`, "tags");
      },
    },
    {
      name: "tags an image, and lists repository and tag",
      run: async () => {
        await tool.run("tag", `${repository}:small`, "again");
        expectEqual(await tool.digest(`${repository}:again`), small.digest, "digest of the tag");
        expectIncludes((await tool.run("ls", repository)).split("\n"), "again", "tags");
        const catalog = (await tool.run("catalog", host)).split("\n");
        expectIncludes(catalog, `${publicProject}/crane/app`, "catalog");
      },
    },
  ];
}

interface Tags {
  readonly repository: string;
  readonly count: number;
}

/** One image under many tags: `tag` of crane, for each of them a process, takes too long. */
async function pushTags(bench: Bench, small: Layout, { repository, count }: Tags): Promise<void> {
  const { host, authority, publicProject, username, password } = bench.registry;
  const login = join(bench.folder, "login");
  const name = `${publicProject}/${repository}`;
  const environment = {
    DOCKER_CONFIG: login,
    ...(authority === null ? {} : { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority }),
  };
  await run("crane", ["push", small.path, `${host}/${name}:first`], { environment });
  const manifest = await readFile(
    join(small.path, "blobs", small.digest.replace(":", "/")),
    "utf8",
  );
  const url = `${authority === null ? "http" : "https"}://${host}/v2/${name}/manifests/`;
  // In a Node of its own, which is told of the authority as any Node is.
  const program = `
    const { url, manifest, count, login } = JSON.parse(require("fs").readFileSync(0));
    const headers = { authorization: "Basic " + btoa(login),
      "content-type": "application/vnd.oci.image.manifest.v1+json" };
    (async () => {
      for (let n = 0; n < count; n++) {
        const answer = await fetch(url + "tag-" + n, { method: "PUT", headers, body: manifest });
        if (answer.status !== 201) throw new Error("tag " + n + ": " + answer.status);
        await answer.arrayBuffer();
      }
    })();`;
  const input = JSON.stringify({ url, manifest, count, login: `${username}:${password}` });
  await run(process.execPath, ["-e", program], { environment, input });
}

function deleteCheck(tool: Crane, small: Layout): Check {
  const { repository } = tool;
  return {
    name: "deletes a tag, then the manifest",
    run: async () => {
      await tool.run("delete", `${repository}:again`);
      await tool.fails(/MANIFEST_UNKNOWN|404/, "digest", `${repository}:again`);
      expectEqual(await tool.digest(`${repository}:small`), small.digest, "what is left");
      const digest = await tool.digest(`${repository}:appended`);
      await tool.run("delete", `${repository}@${digest}`);
      await tool.fails(/MANIFEST_UNKNOWN|404/, "manifest", `${repository}@${digest}`);
    },
  };
}
