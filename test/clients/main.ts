// `npm run clients`: genuine clients push to and pull from a registry of their own. One line per
// check; the last line counts them.

import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildah } from "./buildah.ts";
import type { Bench, Check, Client } from "./client.ts";
import { interruptions } from "./command.ts";
import { cri } from "./cri.ts";
import { ctr } from "./ctr.ts";
import { docker } from "./docker.ts";
import { createImageSet } from "./images.ts";
import { canInstall, install, missingNeeds } from "./install.ts";
import { podman } from "./podman.ts";
import type { RegistryUnderTest } from "./registry-under-test.ts";
import { startSampan } from "./registry-under-test.ts";
import { skopeo } from "./skopeo.ts";

const clients: readonly Client[] = [skopeo, podman, buildah, ctr, cri, docker];

const usage = `usage: npm run clients -- [NAME…] [--require] [--install] [--registry HOST:PORT]

Clients: ${clients.map((client) => client.name).join(", ")}. Without names all of them.

  --require             fail when a client is not installed, instead of skipping it
  --install             install what is missing with apt-get (also when CI=true)
  --registry HOST:PORT  a registry that runs already, in plain HTTP, instead of a Sampan of
                        its own; CLIENTS_USER and CLIENTS_PASSWORD say who to be
`;

interface Options {
  readonly clients: readonly Client[];
  readonly require: boolean;
  readonly install: boolean;
  readonly registry: string | null;
}

interface Score {
  passed: number;
  failed: number;
  skipped: number;
}

const options = readOptions();
if (options.install && canInstall()) await installMissing(options.clients);
const score = await runClients(options).catch((error: unknown): Score => {
  console.log(words(error));
  return { passed: 0, failed: 1, skipped: 0 };
});
console.log(`${score.passed} passed, ${score.failed} failed, ${score.skipped} skipped`);
process.exitCode = score.failed === 0 ? 0 : 1;

function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        require: { type: "boolean", default: false },
        install: { type: "boolean", default: process.env["CI"] === "true" },
        registry: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) exit(0, usage);
    const chosen = positionals.length === 0 ? clients : positionals.map(clientNamed);
    const { require, registry = null } = values;
    return { clients: chosen, require, install: values.install, registry };
  } catch (error) {
    return exit(2, `${words(error)}\n${usage}`);
  }
}

function clientNamed(name: string): Client {
  const client = clients.find((candidate) => candidate.name === name);
  if (client === undefined) throw new Error(`there is no suite for a client ${name}`);
  return client;
}

async function installMissing(wanted: readonly Client[]): Promise<void> {
  const needs = wanted.flatMap(missingNeeds);
  if (needs.length === 0) return;
  console.log(`installing ${[...new Set(needs.map((need) => need.command))].join(", ")}`);
  await install(needs);
}

async function runClients(given: Options): Promise<Score> {
  const result: Score = { passed: 0, failed: 0, skipped: 0 };
  // podman names images after their folder, and such a name is in lower case.
  const folder = join(tmpdir(), `sampan-clients-${process.pid}`);
  await mkdir(folder);
  const ends = createEnds();
  const interrupted = new AbortController();
  const { signal } = interrupted;
  for (const name of interruptions) process.on(name, () => interrupted.abort());
  ends.add(() => rm(folder, { recursive: true, force: true }));
  try {
    const own = given.registry === null ? await startSampan(folder) : null;
    if (own !== null) ends.add(() => own.stop());
    const registry = own ?? foreignRegistry(given.registry ?? "");
    for (const [index, client] of given.clients.entries()) {
      if (signal.aborted) break;
      const why = whyNot(client);
      if (why !== null) skip(client, { why, require: given.require, score: result });
      else await runClient(client, { registry, seed: index + 1, folder, score: result, signal });
    }
    if (signal.aborted) console.log("interrupted: the rest was not tried");
    else if (result.failed > 0 && own !== null) {
      console.log(`the end of Sampan's log:\n${own.lastWords()}`);
    }
  } finally {
    await ends.run();
  }
  if (signal.aborted) result.failed += 1;
  return result;
}

/** What has to be undone, newest first. */
interface Ends {
  add(end: () => Promise<void>): void;
  run(): Promise<void>;
}

function createEnds(): Ends {
  const ends: (() => Promise<void>)[] = [];
  const runAll = async () => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      await end().catch((error: unknown) => console.log(`     ${words(error)}`));
    }
  };
  return { add: (end) => void ends.push(end), run: runAll };
}

function foreignRegistry(host: string): RegistryUnderTest {
  return {
    host,
    username: process.env["CLIENTS_USER"] ?? "admin",
    password: process.env["CLIENTS_PASSWORD"] ?? "",
    publicProject: "library",
    privateProject: null,
  };
}

function whyNot(client: Client): string | null {
  const missing = missingNeeds(client).map((need) => need.command);
  if (missing.length > 0) return `${missing.join(", ")} not installed (--install brings it)`;
  return client.needsRoot && process.getuid?.() !== 0 ? "needs root" : null;
}

function skip(
  client: Client,
  given: { readonly why: string; readonly require: boolean; readonly score: Score },
): void {
  console.log(`${given.require ? "FAIL" : "skip"} ${client.name}: ${given.why}`);
  if (given.require) given.score.failed += 1;
  else given.score.skipped += 1;
}

interface Run {
  readonly registry: RegistryUnderTest;
  readonly seed: number;
  readonly folder: string;
  readonly score: Score;
  /** Aborted when somebody ends us. */
  readonly signal: AbortSignal;
}

async function runClient(client: Client, given: Run): Promise<void> {
  const { registry, seed, score: result, signal } = given;
  const folder = join(given.folder, client.name);
  await mkdir(folder);
  const ends = createEnds();
  ends.add(() => rm(folder, { recursive: true, force: true }));
  const bench: Bench = { registry, images: createImageSet(seed), folder, atEnd: ends.add };
  let checks: readonly Check[] = [];
  const prepared = await timed(`${client.name} is prepared`, async () => {
    checks = await client.prepare(bench);
  });
  if (!prepared) result.failed += 1;
  for (const check of checks) {
    if (signal.aborted) break;
    if (await timed(`${client.name} ${check.name}`, check.run)) result.passed += 1;
    else result.failed += 1;
  }
  await ends.run();
}

async function timed(name: string, run: () => Promise<void>): Promise<boolean> {
  const start = performance.now();
  const failure = await run().then(
    () => null,
    (error: unknown) => words(error),
  );
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${failure === null ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (failure !== null) console.log(failure.replace(/^/gm, "     "));
  return failure === null;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exit(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(text);
  process.exit(code);
}
