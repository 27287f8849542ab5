// `npm run clients`: genuine clients push to and pull from a registry of their own, over each of the
// ways in. One line per check; the last line counts them.

import { parseArgs } from "node:util";
import { buildah } from "./buildah.ts";
import type { Client, Need } from "./client.ts";
import { crane } from "./crane.ts";
import { cri } from "./cri.ts";
import { ctr } from "./ctr.ts";
import { docker } from "./docker.ts";
import { helm } from "./helm.ts";
import { install, searchPath } from "./install.ts";
import { oras } from "./oras.ts";
import { canHaveOwnMachine, isOwnMachine, runOnOwnMachine } from "./own-machine.ts";
import { podman } from "./podman.ts";
import { regctl } from "./regctl.ts";
import { skopeo } from "./skopeo.ts";
import { runSuite, type Score } from "./suite.ts";
import { foreignWay, type Way, ways } from "./ways.ts";

const clients: readonly Client[] = [
  ...[skopeo, podman, buildah, ctr, cri, docker],
  ...[crane, oras, helm, regctl],
];

const usage = `usage: npm run clients -- [NAME…] [--way WAY] [--require] [--install] [--registry HOST:PORT]

Clients: ${clients.map((client) => client.name).join(", ")}. Without names all of them.

  --way WAY             one of ${ways.map((way) => way.name).join(", ")}; can be repeated; default: all.
                        Those with TLS need root, for a network of their own
  --require             fail when a client is not installed, instead of skipping it
  --install             install what is missing with apt-get, and build with Go the clients that
                        are Go modules: minutes, once (also when CI=true)
  --registry HOST:PORT  a registry that runs already, in plain HTTP, instead of a Sampan of
                        its own; CLIENTS_USER and CLIENTS_PASSWORD say who to be
`;

interface Options {
  readonly clients: readonly Client[];
  readonly ways: readonly Way[];
  readonly require: boolean;
  readonly install: boolean;
}

process.exitCode = await main(readOptions());

async function main(options: Options): Promise<number> {
  const needs = [
    ...options.clients.flatMap((client) => client.needs),
    ...options.ways.flatMap((way) => way.needs),
  ];
  if (!isOwnMachine()) {
    if (options.install) await installAll(needs);
    const wanted = options.ways.some((way) => way.onOwnMachine);
    if (wanted && canHaveOwnMachine()) return await runOnOwnMachine();
  }
  process.env["PATH"] = searchPath(needs, process.env["PATH"] ?? "");
  const { passed, failed, skipped } = await runSuite(options).catch((error: unknown): Score => {
    console.log(words(error));
    return { passed: 0, failed: 1, skipped: 0 };
  });
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

/** What could not be installed is missing, and the suite says so. */
async function installAll(needs: readonly Need[]): Promise<void> {
  await install(needs).catch((error: unknown) => console.log(words(error)));
}

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        way: { type: "string", multiple: true },
        require: { type: "boolean", default: false },
        install: { type: "boolean", default: process.env["CI"] === "true" },
        registry: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) exit(0, usage);
    const chosen = positionals.length === 0 ? clients : positionals.map(clientNamed);
    return {
      clients: chosen,
      ways: values.registry === undefined ? waysNamed(values.way) : [foreignWay(values.registry)],
      require: values.require,
      install: values.install,
    };
  } catch (error) {
    return exit(2, `${words(error)}\n${usage}`);
  }
}

function clientNamed(name: string): Client {
  const client = clients.find((candidate) => candidate.name === name);
  if (client === undefined) throw new Error(`there is no suite for a client ${name}`);
  return client;
}

function waysNamed(names: readonly string[] = []): readonly Way[] {
  const unknown = names.find((name) => !ways.some((way) => way.name === name));
  if (unknown !== undefined) throw new Error(`there is no way ${unknown}`);
  return names.length === 0 ? ways : ways.filter((way) => names.includes(way.name));
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exit(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}
