// oras: artifacts of any kind, and what refers to them.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual, expectIncludes, expectSameBlobs, sha256 } from "./comparison.ts";
import { refusal } from "./containers-tools.ts";
import type { Layout } from "./images.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const oras: Client = {
  name: "oras",
  needs: [
    { command: "oras", module: "oras.land/oras/cmd/oras", version: "v1.3.6" },
    { command: "busybox", packages: ["busybox-static"] },
  ],
  needsRoot: false,
  prepare,
};

const cargoType = "application/vnd.example.cargo.v1";
const signatureType = "application/vnd.example.signature.v1";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

interface Oras {
  readonly repository: string;
  /** Where the files lie that are pushed. */
  readonly folder: string;
  /** With the options that the registry needs. */
  run(...args: string[]): Promise<string>;
  /** The same for the sides of `cp`. */
  readonly to: readonly string[];
  readonly from: readonly string[];
  cp(...args: string[]): Promise<string>;
  json(...args: string[]): Promise<Record<string, unknown>>;
  resolve(reference: string): Promise<string>;
  fails(says: RegExp, ...args: string[]): Promise<void>;
}

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const { folder } = bench;
  const { host, username, password } = bench.registry;
  const tool = createOras(bench);
  await writeFile(join(folder, "cargo.txt"), "tea\n");
  await writeFile(join(folder, "manifest.csv"), "what,weight\ntea,3\n");
  await writeFile(join(folder, "note.json"), '{"signed":true}\n');
  const small = await bench.images.small(folder);
  const large = await bench.images.large(folder);
  const login = ["login", host, "-u", username, "-p"];
  return [
    ...trustChecks(bench, {
      refuse: () =>
        expectRefusal("oras", [...login, password], {
          environment: { DOCKER_CONFIG: join(folder, "stranger") },
          says: untrusted,
        }),
      learn: async () => {},
      accept: async () => {
        await tool.run(...login, password);
        await run("oras", ["logout", host], { environment: { DOCKER_CONFIG: folder } });
      },
    }),
    {
      name: "is refused to push without a login and to log in with a wrong one, and logs in",
      run: async () => {
        await tool.fails(refusal, "push", `${tool.repository}:v1`, "cargo.txt");
        await tool.fails(refusal, ...login, "wrong-password");
        await tool.run(...login, password);
      },
    },
    ...artifactChecks(bench, tool),
    ...referrerChecks(tool),
    imageCheck(bench, tool, { small, large }),
    ...listChecks(bench, tool),
    ...partChecks(bench, tool),
  ];
}

function createOras(bench: Bench): Oras {
  const { host, publicProject, authority } = bench.registry;
  const { folder } = bench;
  const environment = { DOCKER_CONFIG: folder };
  const options = authority === null ? ["--plain-http"] : ["--ca-file", authority];
  const sided = (side: string) => options.map((word) => word.replace(/^--/, `--${side}-`));
  const oras = (...args: string[]) => run("oras", args, { environment, directory: folder });
  return {
    repository: `${host}/${publicProject}/oras/app`,
    folder,
    run: (...args) => oras(...args, ...options),
    to: sided("to"),
    from: sided("from"),
    cp: (...args) => oras("cp", ...args),
    json: async (...args) => JSON.parse(await oras(...args, "--format", "json", ...options)),
    resolve: async (reference) => (await oras("resolve", reference, ...options)).trim(),
    fails: (says, ...args) =>
      expectRefusal("oras", [...args, ...options], { environment, directory: folder, says }),
  };
}

function artifactChecks(bench: Bench, tool: Oras): Check[] {
  const { repository } = tool;
  const files = ["cargo.txt:text/plain", "manifest.csv:text/csv"];
  return [
    {
      name: "pushes an artifact of a type of its own with several files and tags",
      run: async () => {
        const annotation = ["--annotation", "ship=sampan", "--artifact-type", cargoType];
        await tool.run("push", ...annotation, `${repository}:v1,latest`, ...files);
        const manifest = JSON.parse(await tool.run("manifest", "fetch", `${repository}:v1`));
        expectEqual(manifest.artifactType, cargoType, "artifact type");
        expectEqual(`${manifest.layers.length}`, "2", "layers");
        const [v1, latest] = [`${repository}:v1`, `${repository}:latest`];
        expectEqual(await tool.resolve(latest), await tool.resolve(v1), "digest of the second tag");
      },
    },
    {
      name: "pulls the files back equal",
      run: async () => {
        const back = join(bench.folder, "back");
        await tool.run("pull", `${repository}:latest`, "--output", back);
        for (const name of ["cargo.txt", "manifest.csv"]) {
          const [came, went] = [join(back, name), join(tool.folder, name)];
          expectEqual(await readFile(came, "utf8"), await readFile(went, "utf8"), name);
        }
      },
    },
    {
      name: "sets several tags at once",
      run: async () => {
        await tool.run("tag", `${repository}:v1`, "stable", "v1.0", "v1.0.0");
        const digest = await tool.resolve(`${repository}:v1`);
        for (const tag of ["stable", "v1.0", "v1.0.0"]) {
          expectEqual(await tool.resolve(`${repository}:${tag}`), digest, `digest of ${tag}`);
        }
      },
    },
  ];
}

function referrerChecks(tool: Oras): Check[] {
  const { repository } = tool;
  const typesOf = async (reference: string, ...options: string[]): Promise<string> => {
    const found = await tool.json("discover", reference, ...options);
    const referrers = found["referrers"] as readonly { readonly artifactType: string }[];
    return referrers
      .map((one) => one.artifactType.replace(/^.*example\./, ""))
      .sort()
      .join(" ");
  };
  return [
    {
      name: "attaches artifacts and discovers them, all and by their type",
      run: async () => {
        const subject = `${repository}:v1`;
        const sign = (note: string) => ["--annotation", `note=${note}`, "note.json"];
        for (const note of ["first", "second"]) {
          await tool.run("attach", "--artifact-type", signatureType, subject, ...sign(note));
        }
        await tool.run("attach", "--artifact-type", cargoType, subject, "manifest.csv");
        expectEqual(await typesOf(subject), "cargo.v1 signature.v1 signature.v1", "referrers");
        const filter = ["--artifact-type", cargoType];
        expectEqual(await typesOf(subject, ...filter), "cargo.v1", "referrers of a type");
      },
    },
    {
      name: "copies an artifact with what refers to it to another repository",
      run: async () => {
        const copy = `${repository}-copy:v1`;
        const options = ["--no-tty", "-r", ...tool.from, ...tool.to];
        await tool.cp(...options, `${repository}:v1`, copy);
        expectEqual(await tool.resolve(copy), await tool.resolve(`${repository}:v1`), "digest");
        expectEqual(await typesOf(copy), "cargo.v1 signature.v1 signature.v1", "referrers");
      },
    },
  ];
}

function imageCheck(
  bench: Bench,
  tool: Oras,
  { small, large }: { readonly small: Layout; readonly large: Layout },
): Check {
  return {
    name: `copies images of several layers in, one of ${bench.images.largeMB} MB, and out again`,
    run: async () => {
      for (const [name, layout] of Object.entries({ small, large })) {
        const remote = `${tool.repository}:${name}`;
        const from = ["--from-oci-layout", `${layout.path}:${layout.tag}`];
        await tool.cp("--no-tty", ...tool.to, ...from, remote);
        expectEqual(await tool.resolve(remote), layout.digest, "digest");
        const back = join(bench.folder, `back-${name}`);
        await tool.cp("--no-tty", ...tool.from, remote, "--to-oci-layout", `${back}:v1`);
        await expectSameBlobs(layout, back);
      }
    },
  };
}

function listChecks(bench: Bench, tool: Oras): Check[] {
  const { host, publicProject } = bench.registry;
  return [
    {
      name: "lists repositories and tags",
      run: async () => {
        const repositories = (await tool.run("repo", "ls", host)).split("\n");
        expectIncludes(repositories, `${publicProject}/oras/app`, "repositories");
        const under = (await tool.run("repo", "ls", `${host}/${publicProject}/oras`)).split("\n");
        expectIncludes(under, "app-copy", "repositories of a namespace");
        const tags = (await tool.run("repo", "tags", tool.repository)).split("\n");
        for (const tag of ["latest", "stable", "v1.0.0"]) expectIncludes(tags, tag, "tags");
      },
    },
  ];
}

function partChecks(bench: Bench, tool: Oras): Check[] {
  const { repository } = tool;
  return [
    {
      name: "pushes, fetches and deletes a manifest",
      run: async () => {
        const file = join(bench.folder, "fetched.json");
        await tool.run("manifest", "fetch", `${repository}:v1`, "--output", file);
        const bytes = await readFile(file);
        expectEqual(sha256(bytes), await tool.resolve(`${repository}:v1`), "digest as fetched");
        const changed = JSON.stringify({
          ...JSON.parse(bytes.toString()),
          annotations: { a: "b" },
        });
        await writeFile(join(bench.folder, "changed.json"), changed);
        const type = ["--media-type", manifestType];
        await tool.run("manifest", "push", ...type, `${repository}:changed`, "changed.json");
        expectEqual(await tool.resolve(`${repository}:changed`), sha256(changed), "digest pushed");
        await tool.run("manifest", "delete", "--force", `${repository}:changed`);
        await tool.fails(/not found/i, "resolve", `${repository}@${sha256(changed)}`);
      },
    },
    {
      name: "pushes, fetches and deletes a blob",
      run: async () => {
        const digest = sha256("ballast");
        await writeFile(join(bench.folder, "ballast"), "ballast");
        await tool.run("blob", "push", `${repository}@${digest}`, "ballast");
        const fetched = await tool.run("blob", "fetch", "--output", "-", `${repository}@${digest}`);
        expectEqual(fetched, "ballast", "blob");
        await tool.run("blob", "delete", "--force", `${repository}@${digest}`);
        const fetch = ["blob", "fetch", "--descriptor", `${repository}@${digest}`];
        await tool.fails(/not found/i, ...fetch);
      },
    },
  ];
}
