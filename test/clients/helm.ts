// helm 3: charts as OCI artifacts.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Check, Client } from "./client.ts";
import { expectRefusal, run } from "./command.ts";
import { expectEqual, sha256 } from "./comparison.ts";
import { refusal } from "./containers-tools.ts";
import { trustChecks, untrusted } from "./trust.ts";

export const helm: Client = {
  name: "helm",
  needs: [{ command: "helm", module: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0" }],
  needsRoot: false,
  prepare,
};

interface Helm {
  readonly charts: string;
  /** Of the chart's versions, once they are packaged. */
  archive(version: string): string;
  run(...args: string[]): Promise<string>;
  /** With the options that the registry needs. */
  remote(...args: string[]): Promise<string>;
  refused(...args: string[]): Promise<void>;
}

async function prepare(bench: Bench): Promise<readonly Check[]> {
  const { host, publicProject, authority, username, password } = bench.registry;
  const { folder } = bench;
  const environment = {
    HELM_REGISTRY_CONFIG: join(folder, "registry.json"),
    HELM_CACHE_HOME: join(folder, "cache"),
    HELM_CONFIG_HOME: join(folder, "config"),
    HELM_DATA_HOME: join(folder, "data"),
    DOCKER_CONFIG: join(folder, "docker"),
  };
  const options = authority === null ? ["--plain-http"] : ["--ca-file", authority];
  const tool: Helm = {
    charts: `oci://${host}/${publicProject}/helm`,
    archive: (version) => join(folder, `sampan-${version}.tgz`),
    run: (...args) => run("helm", args, { environment, directory: folder }),
    remote: (...args) => tool.run(...args, ...options),
    refused: (...args) =>
      expectRefusal("helm", [...args, ...options], { environment, says: refusal }),
  };
  await writeChart(join(folder, "chart"));
  const login = ["registry", "login", host, "-u", username, "-p"];
  return [
    ...trustChecks(bench, {
      refuse: () => expectRefusal("helm", [...login, password], { environment, says: untrusted }),
      learn: async () => {},
      accept: async () => {
        await tool.remote(...login, password);
        await tool.run("registry", "logout", host);
      },
    }),
    {
      name: "packages a chart, and is refused to push it without a login",
      run: async () => {
        for (const version of versions) {
          await tool.run("package", join(folder, "chart"), "--version", version);
        }
        await tool.refused("push", tool.archive("1.0.0"), tool.charts);
      },
    },
    {
      name: "is refused to log in with a wrong password, and logs in",
      run: async () => {
        await tool.refused(...login, "wrong-password");
        await tool.remote(...login, password);
      },
    },
    ...chartChecks(bench, tool),
  ];
}

const versions = ["1.0.0", "1.2.0", "2.0.0-rc.1+build.5"] as const;

function chartChecks(bench: Bench, tool: Helm): Check[] {
  const chart = `${tool.charts}/sampan`;
  const pulled = join(bench.folder, "pulled");
  const pull = async (version: string, ...options: string[]) => {
    await tool.remote("pull", chart, "--destination", pulled, ...options);
    const [came, went] = [join(pulled, `sampan-${version}.tgz`), tool.archive(version)];
    expectEqual(sha256(await readFile(came)), sha256(await readFile(went)), "the pulled chart");
  };
  return [
    {
      name: "pushes three versions, one with a plus sign",
      run: async () => {
        await mkdir(pulled);
        for (const version of versions) {
          await tool.remote("push", tool.archive(version), tool.charts);
        }
      },
    },
    { name: "pulls a version back equal", run: () => pull("1.0.0", "--version", "1.0.0") },
    { name: "pulls the newest release when it is not told a version", run: () => pull("1.2.0") },
    {
      name: "resolves a range of versions by the tags",
      run: () => pull("2.0.0-rc.1+build.5", "--version", ">1.5.0-0"),
    },
    {
      name: "shows the chart's metadata and values",
      run: async () => {
        const shown = await tool.remote("show", "chart", chart, "--version", "1.0.0");
        if (!/^version: 1\.0\.0$/m.test(shown)) throw new Error(`it shows ${shown}`);
        const values = await tool.remote("show", "values", chart);
        if (!/^greeting: aboard$/m.test(values)) throw new Error(`values: ${values}`);
      },
    },
    {
      name: "renders the templates of a chart in the registry",
      run: async () => {
        const rendered = await tool.remote("template", "ship", chart, "--set", "greeting=ahoy");
        if (!rendered.includes("greeting: ahoy")) throw new Error(`rendered: ${rendered}`);
      },
    },
  ];
}

async function writeChart(folder: string): Promise<void> {
  await mkdir(join(folder, "templates"), { recursive: true });
  await writeFile(
    join(folder, "Chart.yaml"),
    "apiVersion: v2\nname: sampan\ndescription: A chart of the suite\nversion: 0.0.1\n",
  );
  await writeFile(join(folder, "values.yaml"), "greeting: aboard\n");
  await writeFile(
    join(folder, "templates", "greeting.yaml"),
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  greeting: {{ .Values.greeting }}
`,
  );
}
