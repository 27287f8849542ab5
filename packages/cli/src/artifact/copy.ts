// `sampan artifact copy`: two registries, the logins for them, the copy and what is said of it.

import { readFile } from "node:fs/promises";
import { type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import type { Tag } from "@sampan/oci/model";
import type { CopyFailure, CopyReport, Credentials, Remote } from "@sampan/oci/remote";
import { CommandFailure } from "../failure.ts";
import { findLogin } from "../kept-login.ts";
import { printable, printJson } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { type Location, parseLocation } from "./location.ts";
import { createProgress, formatBytes, type Progress, silent } from "./progress.ts";

export interface CopyOptions {
  readonly platform?: string;
  readonly referrers?: boolean;
  readonly jobs: number;
  readonly srcCredsStdin?: boolean;
  readonly dstCredsStdin?: boolean;
  readonly caFile?: string;
  readonly srcInsecure?: boolean;
  readonly dstInsecure?: boolean;
  readonly srcPlainHttp?: boolean;
  readonly dstPlainHttp?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** A transfer in which nothing moves for so long counts as broken. */
const stallMs = 60_000;
/** One more than blobs move at once, for the requests between. */
const spareConnections = 2;

export async function copy(
  terminal: Terminal,
  named: { readonly source: string; readonly target: string },
  options: CopyOptions,
): Promise<void> {
  const source = parseLocation(named.source, "SRC", {
    plainHttp: options.srcPlainHttp === true,
    tls: options.caFile !== undefined || options.srcInsecure === true,
  });
  const target = parseLocation(named.target, "DST", {
    plainHttp: options.dstPlainHttp === true,
    tls: options.caFile !== undefined || options.dstInsecure === true,
  });
  const platform = await readPlatform(options.platform);
  const ca = options.caFile === undefined ? null : await readCa(options.caFile);
  const logins = await findLogins(terminal, { source, target }, options);
  const { createNodeEnv } = await import("@sampan/env/node");
  const { copyArtifact } = await import("@sampan/oci/remote");
  const env = createNodeEnv({ service: "cli", log: { level: "error", format: "pretty" } });
  const signal = terminal.stopSignal(null);
  const progress = openProgress(env, terminal, options);
  const connections = options.jobs + spareConnections;
  const insecure = { source: options.srcInsecure, target: options.dstInsecure };
  const from = await connect(env, { ...logins.source, connections, ca, insecure: insecure.source });
  const to = await connect(env, { ...logins.target, connections, ca, insecure: insecure.target });
  const startedAt = env.clock.monotonic();
  try {
    const copied = await copyArtifact(
      {
        repository: from.repository(source.repository),
        reference: source.reference ?? latest,
        platform,
        referrers: options.referrers === true,
        signal,
      },
      {
        repository: to.repository(target.repository),
        reference: targetReference(source, target),
        mountFrom: source.registry.host === target.registry.host ? source.repository : null,
        blobsAtOnce: options.jobs,
      },
      progress,
    );
    progress.close();
    if (!copied.ok) throw refusal(copied.error, logins);
    const ms = env.clock.monotonic() - startedAt;
    show(terminal, { source, target, report: copied.value, ms }, options);
  } catch (error) {
    progress.close();
    if (signal.aborted) throw new CommandFailure(`stopped: ${target.text} was not written`, 130);
    throw explained(error);
  } finally {
    from.close();
    to.close();
  }
}

const latest = { type: "tag", tag: "latest" as Tag } as const;

/** Without a name of its own the target has the source's: its tag, or else its digest. */
function targetReference(source: Location, target: Location) {
  if (target.tag !== null && target.reference?.type === "digest") {
    throw new CommandFailure(`DST ${target.text}: give a tag or a digest, not both`, 2);
  }
  if (target.reference !== null) return target.reference;
  if (source.tag !== null) return { type: "tag", tag: source.tag } as const;
  return source.reference === null ? latest : null;
}

async function readPlatform(text: string | undefined) {
  if (text === undefined) return null;
  const { parsePlatform } = await import("@sampan/oci/remote");
  const platform = parsePlatform(text);
  if (platform.ok) return platform.value;
  throw new CommandFailure(`--platform ${JSON.stringify(text)}: write it like linux/arm64`, 2);
}

async function readCa(path: string): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  } catch (error) {
    throw new CommandFailure(`--ca-file: ${errorMessage(error)}`, 2);
  }
  throw new CommandFailure(`--ca-file ${path} holds no PEM certificate`, 2);
}

interface Login {
  readonly location: Location;
  readonly credentials: Credentials | null;
}

interface Logins {
  readonly source: Login;
  readonly target: Login;
}

async function findLogins(
  terminal: Terminal,
  { source, target }: { readonly source: Location; readonly target: Location },
  options: CopyOptions,
): Promise<Logins> {
  const asked = options.srcCredsStdin === true || options.dstCredsStdin === true;
  const lines = asked ? (await terminal.readInput()).split(/\r?\n/) : [];
  const login = async (location: Location, stdin: boolean | undefined): Promise<Login> => {
    const place = { ...location, asksHelpers: true };
    const credentials = stdin === true ? readPair(lines.shift()) : await findLogin(terminal, place);
    return { location, credentials };
  };
  const sourceLogin = await login(source, options.srcCredsStdin);
  return { source: sourceLogin, target: await login(target, options.dstCredsStdin) };
}

function readPair(line: string | undefined): Credentials {
  const colon = line?.indexOf(":") ?? -1;
  if (line !== undefined && colon > 0) {
    return { username: line.slice(0, colon), password: line.slice(colon + 1) };
  }
  throw new CommandFailure("standard input holds no line USER:PASSWORD; pipe it in", 2);
}

interface Connection extends Login {
  readonly connections: number;
  readonly ca: string | null;
  readonly insecure: boolean | undefined;
}

async function connect(env: Env, connection: Connection): Promise<Remote> {
  const { createRemote } = await import("@sampan/oci/remote");
  const { location, credentials, connections, ca, insecure } = connection;
  return createRemote(
    env,
    { credentials },
    {
      registry: location.registry,
      stallMs,
      connectionsMax: connections,
      insecure: insecure === true,
      ...(ca === null ? {} : { ca }),
    },
  );
}

function openProgress(env: Env, terminal: Terminal, options: CopyOptions): Progress {
  if (options.quiet === true) return silent;
  return createProgress({
    clock: env.clock,
    write: (text) => terminal.err(text),
    columns: () => terminal.errorColumns(),
  });
}

interface Done {
  readonly source: Location;
  readonly target: Location;
  readonly report: CopyReport;
  readonly ms: number;
}

function show(terminal: Terminal, done: Done, options: CopyOptions): void {
  const { source, target, report, ms } = done;
  const seconds = Math.round(ms) / 1000;
  if (options.json === true) {
    printJson(terminal, { source: source.text, target: target.text, ...report, seconds });
    return;
  }
  const { copied, mounted, present } = report.blobs;
  const rate = ms > 0 ? `, ${formatBytes((report.bytes / ms) * 1000)}/s` : "";
  const facts = [
    ["digest", report.digest],
    ["manifests", String(report.manifests)],
    ["blobs", `${copied} copied, ${mounted} mounted, ${present} already there`],
    ["bytes", `${formatBytes(report.bytes)} in ${seconds.toFixed(1)} s${rate}`],
  ];
  const lines = facts.map(([name, value]) => `  ${name?.padEnd(10)}${value}`);
  terminal.out(`${[`copied ${source.text} to ${target.text}`, ...lines].join("\n")}\n`);
}

function refusal(failure: CopyFailure, logins: Logins): CommandFailure {
  const message = printable(failure.message);
  if (failure.code !== "unauthorized" && failure.code !== "denied") {
    return new CommandFailure(message);
  }
  // The message names the URL, and with it which of the two refused.
  const { location, credentials } =
    [logins.source, logins.target].find(({ location: { registry } }) => {
      return failure.message.includes(registry.origin);
    }) ?? logins.target;
  const who = credentials === null ? "nobody is logged in" : `as ${credentials.username}`;
  const next = "log in with docker login, or give --src-creds-stdin or --dst-creds-stdin";
  return new CommandFailure(`${message}; ${who} at ${location.host}: ${next}`);
}

const certificateCodes: readonly string[] = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];
const plainHttpCodes: readonly string[] = [
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "EPROTO",
];

/** What else may be done, by the code of the cause. */
const nextSteps: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check host and port",
  ENOTFOUND: "check the registry's name",
  EAI_AGAIN: "check the registry's name, and that names can be looked up here",
  ECONNRESET: "a registry on this machine is spoken to without TLS, unless --ca-file is given",
};

/** With the next step, where there is one to name. */
function explained(error: unknown): unknown {
  if (!(error instanceof IoError)) return error;
  const code = errorCode(error.cause) ?? "";
  if (certificateCodes.includes(code)) {
    return new CommandFailure(`${printable(error.message)}; name its authority with --ca-file`);
  }
  if (plainHttpCodes.includes(code)) {
    const [request] = error.message.split(" failed: ");
    const flags = "--src-plain-http or --dst-plain-http";
    return new CommandFailure(`${request} found a server without TLS; does it want ${flags}?`);
  }
  const next = nextSteps[code];
  return new CommandFailure(`${printable(error.message)}${next === undefined ? "" : `; ${next}`}`);
}
