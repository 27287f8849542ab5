// regctl (regclient): every endpoint of the specification by itself, referrers and digest tags.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual, expectIncludes, expectSameBlobs, sha256 } from "./comparison.ts";
import { nobody, refusal } from "./containers-tools.ts";
import type { Layout } from "./images.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const regctl: Client = {
  name: "regctl",
  needs: [
    { command: "regctl", module: "github.com/regclient/regclient/cmd/regctl", version: "v0.11.7" },
    { command: "busybox", packages: ["busybox-static"] },
  ],
  needsRoot: false,
  prepare,
};

const noteType = "application/vnd.example.note.v1";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

interface Regctl {
  readonly repository: string;
  run(...args: string[]): Promise<string>;
  /** With standard input. */
  feed(input: string, ...args: string[]): Promise<string>;
  digest(reference: string): Promise<string>;
  fails(says: RegExp, ...args: string[]): Promise<void>;
}

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const { host, publicProject, authority, username, password } = bench.registry;
  const environment = {
    REGCTL_CONFIG: join(bench.folder, "regctl.json"),
    DOCKER_CONFIG: join(bench.folder, "docker"),
  };
  const tool: Regctl = {
    repository: `${host}/${publicProject}/regctl/app`,
    run: (...args) => run("regctl", args, { environment }),
    feed: (input, ...args) => run("regctl", args, { environment, input }),
    digest: async (reference) => (await tool.run("manifest", "head", reference)).trim(),
    fails: (says, ...args) => expectRefusal("regctl", args, { environment, says }),
  };
  if (authority === null) {
    await tool.run("registry", "set", host, "--tls", "disabled", "--skip-check");
  }
  const small = await bench.images.small(bench.folder);
  const multi = await bench.images.multi(bench.folder);
  const large = await bench.images.large(bench.folder);
  const login = ["registry", "login", host, "-u"];
  return [
    ...trustChecks(bench, {
      refuse: () => tool.fails(untrusted, ...login, username, "-p", password),
      learn: async (file) => {
        const pem = await readFile(file, "utf8");
        await tool.run("registry", "set", host, "--cacert", pem, "--skip-check");
      },
      accept: async () => {
        await tool.run(...login, username, "-p", password);
        await tool.run("registry", "logout", host);
      },
    }),
    {
      name: "is refused to push without a login and to log in with a wrong one, and logs in",
      run: async () => {
        const copy = ["image", "copy", source(small), `${tool.repository}:refused`];
        await tool.fails(refusal, ...copy);
        await tool.fails(refusal, ...login, nobody(bench), "-p", "wrong-password");
        await tool.run(...login, username, "-p", password);
      },
    },
    ...copyChecks(bench, tool, { small, multi, large }),
    artifactCheck(bench, tool),
    referrersCopyCheck(tool),
    ...partChecks(tool),
    sha512Check(tool),
    ...listChecks(bench, tool, small),
  ];
}

const source = (layout: Layout) => `ocidir://${layout.path}:${layout.tag}`;

interface Layouts {
  readonly small: Layout;
  readonly multi: Layout;
  readonly large: Layout;
}

function copyChecks(bench: Bench, tool: Regctl, layouts: Layouts): Check[] {
  const { repository } = tool;
  const check = (name: keyof Layouts, what: string): Check => ({
    name: `copies ${what} in and out again`,
    run: async () => {
      const layout = layouts[name];
      await tool.run("image", "copy", source(layout), `${repository}:${name}`);
      expectEqual(await tool.digest(`${repository}:${name}`), layout.digest, "digest");
      const back = join(bench.folder, `back-${name}`);
      await tool.run("image", "copy", `${repository}:${name}`, `ocidir://${back}:v1`);
      await expectSameBlobs(layout, back);
    },
  });
  return [
    check("small", "an image"),
    check("multi", "an index of two platforms"),
    check("large", `an image of ${bench.images.largeMB} MB`),
    {
      name: "changes an image in the registry, and compares it with its base",
      run: async () => {
        const changed = `${repository}:changed`;
        const base = `${repository}:small`;
        const change = ["--label", "ship=sampan", "--create", changed];
        await tool.run("image", "mod", base, ...change);
        const config = JSON.parse(await tool.run("image", "inspect", changed));
        expectEqual(config.config.Labels.ship, "sampan", "label");
        await tool.run("image", "check-base", changed, "--base", base, "--no-config");
      },
    },
  ];
}

function artifactCheck(bench: Bench, tool: Regctl): Check {
  const { repository } = tool;
  return {
    name: "puts, gets and lists artifacts, by themselves and about an image",
    run: async () => {
      const file = join(bench.folder, "note.txt");
      await writeFile(file, "aboard");
      const type = ["--artifact-type", noteType, "--file", file];
      await tool.run("artifact", "put", ...type, `${repository}:note`);
      expectEqual(await tool.run("artifact", "get", `${repository}:note`), "aboard", "artifact");
      const subject = ["--subject", `${repository}:small`];
      await tool.run("artifact", "put", ...type, ...subject);
      const filter = ["--filter-artifact-type", noteType];
      expectEqual(await tool.run("artifact", "get", ...subject, ...filter), "aboard", "referrer");
      const list = await tool.run("artifact", "list", `${repository}:small`, "--format", "body");
      expectEqual(JSON.parse(list).manifests[0].artifactType, noteType, "type in the list");
      const tree = await tool.run("artifact", "tree", `${repository}:small`);
      if (!tree.includes(noteType)) throw new Error(`the tree has no ${noteType}: ${tree}`);
    },
  };
}

function referrersCopyCheck(tool: Regctl): Check {
  const { repository } = tool;
  const copy = `${repository}-copy`;
  return {
    name: "copies an image with referrers and digest tags to another repository",
    run: async () => {
      const digest = await tool.digest(`${repository}:small`);
      const digestTag = `${digest.replace(":", "-")}.sig`;
      await tool.run("image", "copy", `${repository}:note`, `${repository}:${digestTag}`);
      const options = ["--digest-tags", "--referrers"];
      await tool.run("image", "copy", ...options, `${repository}:small`, `${copy}:v1`);
      expectEqual(await tool.digest(`${copy}:v1`), digest, "digest of the copy");
      const list = await tool.run("artifact", "list", `${copy}:v1`, "--format", "body");
      expectEqual(`${JSON.parse(list).manifests.length}`, "1", "referrers of the copy");
      const tags = (await tool.run("tag", "ls", copy)).split("\n");
      expectIncludes(tags, digestTag, "tags of the copy");
    },
  };
}

function partChecks(tool: Regctl): Check[] {
  const { repository } = tool;
  return [
    {
      name: "gets, puts, heads and deletes a manifest",
      run: async () => {
        const bytes = await tool.run(
          "manifest",
          "get",
          `${repository}:small`,
          "--format",
          "raw-body",
        );
        expectEqual(sha256(bytes), await tool.digest(`${repository}:small`), "digest as it came");
        const changed = JSON.stringify({ ...JSON.parse(bytes), annotations: { a: "b" } });
        await tool.feed(changed, "manifest", "put", "-t", manifestType, `${repository}:put`);
        expectEqual(await tool.digest(`${repository}:put`), sha256(changed), "digest as it went");
        await tool.run("manifest", "delete", `${repository}@${sha256(changed)}`);
        await tool.fails(/not found/i, "manifest", "head", `${repository}@${sha256(changed)}`);
      },
    },
    {
      name: "puts, gets, mounts and deletes a blob",
      run: async () => {
        const digest = (await tool.feed("ballast", "blob", "put", repository)).trim();
        expectEqual(digest, sha256("ballast"), "digest");
        const get = (from: string) => tool.run("blob", "get", from, digest, "--format", "raw-body");
        expectEqual(await get(repository), "ballast", "blob");
        await tool.run("blob", "copy", repository, `${repository}-copy`, digest);
        expectEqual(await get(`${repository}-copy`), "ballast", "blob in the other repository");
        await tool.run("blob", "delete", repository, digest);
        await tool.fails(/not found/i, "blob", "get", repository, digest);
      },
    },
  ];
}

function sha512Check(tool: Regctl): Check {
  const { repository } = tool;
  return {
    name: "makes an image whose digests are sha512, and reads it back",
    run: async () => {
      const to = `${repository}-sha512:v1`;
      const algorithm = ["--digest-algo", "sha512"];
      await tool.run("image", "mod", `${repository}:small`, ...algorithm, "--create", to);
      const manifest = JSON.parse(await tool.run("manifest", "get", to, "--format", "raw-body"));
      const { digest } = manifest.layers[0];
      if (!/^sha512:/.test(digest)) throw new Error(`the layer is ${digest}`);
      await tool.run("image", "copy", to, `${repository}-sha512:again`);
      await tool.run("blob", "get", `${repository}-sha512`, manifest.config.digest);
    },
  };
}

function listChecks(bench: Bench, tool: Regctl, small: Layout): Check[] {
  const { host, publicProject } = bench.registry;
  const { repository } = tool;
  return [
    {
      name: "lists repositories and tags, in pages too",
      run: async () => {
        const all = (await tool.run("repo", "ls", host)).trim().split("\n");
        expectIncludes(all, `${publicProject}/regctl/app`, "repositories");
        const tags = (await tool.run("tag", "ls", repository)).trim().split("\n");
        const page = (await tool.run("tag", "ls", "--limit", "2", repository)).trim().split("\n");
        expectEqual(page.join(" "), tags.slice(0, 2).join(" "), "first page of tags");
        const last = ["--limit", "2", "--last", `${page[1]}`];
        const next = (await tool.run("tag", "ls", ...last, repository)).trim().split("\n");
        expectEqual(next.join(" "), tags.slice(2, 4).join(" "), "second page of tags");
      },
    },
    {
      name: "deletes a tag and leaves the manifest",
      run: async () => {
        await tool.run("image", "copy", `${repository}:small`, `${repository}:gone`);
        await tool.run("tag", "rm", `${repository}:gone`);
        await tool.fails(/not found/i, "manifest", "head", `${repository}:gone`);
        expectEqual(await tool.digest(`${repository}:small`), small.digest, "what is left");
      },
    },
  ];
}
