// The registry in one process, on the store of this machine:
//
//   data directory → RocksDB → embedded store ─┐
//              blobs in the filesystem or in S3 ┴→ registry → registry port
//                                                      └───→ admin port
//
// Opened in this order. At the end requests under way are finished and all is closed in the
// opposite order; what was acknowledged is on the disk long before that.

import type { Server, ServerResponse } from "node:http";
import type { Server as TlsServer } from "node:https";
import { err, ok, type Result, unreachable } from "@sampan/env";
import type { NodeEnv } from "@sampan/env/node";
import type { EmbeddedStore } from "@sampan/kv/embedded";
import {
  createHttpServer,
  createHttpsServer,
  createRegistry,
  type HttpHandler,
  type HttpServerOptions,
  initialise,
  type Registry,
  type RegistryOptions,
} from "@sampan/registry";
import { createAdminServer } from "../admin/admin-server.ts";
import { answerHealth } from "../admin/health.ts";
import { createStateGauges } from "../admin/state-gauges.ts";
import { openBlobStore } from "../blob-store.ts";
import { Closers } from "../closers.ts";
import { type Address, type Config, isLoopback, localUrl, schemeOf } from "../config/config.ts";
import type { DataDirectoryOptions } from "../data-directory/data-directory.ts";
import { type CertificateReload, createCertificateReload } from "../http/certificate-reload.ts";
import { type KeyPairFiles, readKeyPair, warningOf } from "../http/key-pair.ts";
import { listen } from "../http/listener.ts";
import { type LocalStore, openLocalStore } from "../local-store.ts";
import { createBackground, createLife, type Life, untilAborted } from "./life.ts";
import { describeRegistry } from "./registry-debug.ts";

export interface RegistryRole {
  readonly config: Config;
  readonly data: Pick<DataDirectoryOptions, "path" | "create">;
  /** Of this program. */
  readonly version: string;
  /** Called at the first start alone, with the only copy there will be. Never to a log. */
  readonly showPassword: (password: string) => void;
  readonly showReady: (ready: RegistryReady) => void;
  /** Takes what is to happen when somebody asks to read the certificate again (SIGHUP). */
  readonly onReload: (reload: () => void) => void;
}

export interface RegistryReady {
  readonly version: string;
  readonly listen: Address;
  readonly adminListen: Address | null;
  readonly dataDirectory: string;
}

/** Until the signal is aborted. The error is why it could not start, one line for the operator. */
export async function runRegistry(
  env: NodeEnv,
  role: RegistryRole,
  signal: AbortSignal,
): Promise<Result<null, string>> {
  const closers = new Closers(env.log);
  try {
    const local = await openLocalStore(env, {
      data: { ...role.data, version: role.version },
      cacheBytes: role.config.cacheSize,
    });
    if (!local.ok) return local;
    closers.add("store", () => local.value.close());
    const { directory, store } = local.value;

    const opened = await openBlobStore(env, { directory, config: role.config });
    if (!opened.ok) return opened;
    closers.add("blobs", async () => opened.value.close());
    const { blobs } = opened.value;
    const registry = createRegistry(env, { store, blobs }, registryOptions(role));
    closers.add("registry", () => registry.close());
    await registry.ready();

    const life = createLife(store);
    const behind = createBackground(env, life);
    closers.add("work behind the requests", () => behind.stop());
    const ports = await openPorts(env, { role, life, registry, local: local.value }, closers);
    if (!ports.ok) return ports;
    // Behind the ports: a start that cannot have them must not use up the one showing of a password.
    const installed = await install(env, store, role);
    if (!installed.ok) return installed;

    behind.start("collection of old versions", (until) => store.run(until));
    behind.start("sweep and sequencer", (until) => registry.run(until));
    const { certificate } = ports.value;
    if (certificate !== null) {
      behind.start("reload of the TLS certificate", (until) => certificate.run(until));
      role.onReload(() => void certificate.reload());
    }
    life.state = "ready";
    const { listen, adminListen } = ports.value;
    sayReady(env, role, { listen, adminListen, dataDirectory: directory.path });
    await untilAborted(signal);
    life.state = "stopping";
    env.log.info("stopping", { drainMs: role.config.drainTimeout });
    return ok(null);
  } finally {
    await closers.close();
  }
}

/** The first start makes the user admin; its generated password is shown by the caller, once. */
async function install(
  env: NodeEnv,
  store: EmbeddedStore,
  role: RegistryRole,
): Promise<Result<null, string>> {
  const installed = await initialise(env, store, { adminPassword: role.config.adminPassword });
  if (!installed.ok) return err(explainInstall(installed.error));
  const { created, generatedPassword } = installed.value;
  if (generatedPassword !== null) role.showPassword(generatedPassword);
  if (created) env.log.info("made the user admin and the project library");
  return ok(null);
}

function registryOptions({ config, version }: RegistryRole): RegistryOptions {
  return {
    version,
    externalUrl: config.externalUrl,
    auth: config.auth,
    uploadExpiryMs: config.uploadExpiry,
    graceMs: config.gcGrace,
    sparseIndexes: config.sparseIndexes,
    // Nobody else has the embedded store, so that the name need not tell processes apart.
    instance: "local",
  };
}

interface PortParts {
  readonly role: RegistryRole;
  readonly life: Life;
  readonly registry: Registry;
  readonly local: LocalStore;
}

interface Ports extends Pick<RegistryReady, "listen" | "adminListen"> {
  /** Null: plain HTTP. */
  readonly certificate: CertificateReload | null;
}

/** The admin port opens first and closes last, so that it can tell of the start and the end. */
async function openPorts(
  env: NodeEnv,
  parts: PortParts,
  closers: Closers,
): Promise<Result<Ports, string>> {
  const { config } = parts.role;
  let adminListen: Address | null = null;
  if (config.adminListen !== null) {
    const options = { address: config.adminListen, flag: "--admin-listen" };
    const admin = await listen(env, adminServer(env, parts, config.adminListen), options);
    if (!admin.ok) return admin;
    closers.add("admin port", () => admin.value.drain(adminDrainMs));
    adminListen = admin.value.address;
  }
  const front = await registryServer(env, parts);
  if (!front.ok) return front;
  const { server, certificate } = front.value;
  const main = await listen(env, server, { address: config.listen, flag: "--listen" });
  if (!main.ok) return main;
  closers.add("registry port", () => main.value.drain(config.drainTimeout));
  return ok({ listen: main.value.address, adminListen, certificate });
}

type Front = Pick<Ports, "certificate"> & { readonly server: Server };

async function registryServer(env: NodeEnv, parts: PortParts): Promise<Result<Front, string>> {
  const { config } = parts.role;
  const options: HttpServerOptions = {
    stallMs: config.stallTimeout,
    connectionsMax: config.connectionsMax,
    connectionsPerAddressMax: config.connectionsPerClient,
    trustedProxies: config.trustedProxies,
  };
  const handler = withHealth(parts);
  const { tlsCertificate: certificate, tlsKey: key } = config;
  if (certificate === null || key === null) {
    return ok({ server: createHttpServer(env, handler, options), certificate: null });
  }
  return await secureServer(env, { handler, options, files: { certificate, key } });
}

async function secureServer(
  env: NodeEnv,
  what: {
    readonly handler: HttpHandler;
    readonly options: HttpServerOptions;
    readonly files: KeyPairFiles;
  },
): Promise<Result<Front, string>> {
  const { files } = what;
  const pair = await readKeyPair(files);
  if (!pair.ok) return pair;
  const warning = warningOf(pair.value, env.clock.now());
  if (warning !== null) env.log.warn(warning);
  const options = { ...what.options, tls: pair.value };
  const server: TlsServer = createHttpsServer(env, what.handler, options);
  const certificate = createCertificateReload(env, { server, files, pair: pair.value });
  return ok({ server, certificate });
}

/** Nothing that is asked there takes long. */
const adminDrainMs = 1_000;

function adminServer(env: NodeEnv, parts: PortParts, address: Address): Server {
  const { life, local, role } = parts;
  const gauges = createStateGauges(env.metrics, { version: role.version, local });
  const debug = () => describeRegistry({ clock: env.clock, health: life, local, role });
  return createAdminServer(
    env,
    { health: life, debug, refresh: () => gauges.refresh() },
    { loopbackOnly: isLoopback(address.host) },
  );
}

/** The registry's port answers questions of health too, for those who may reach no other. */
function withHealth({ life, registry }: PortParts): HttpHandler {
  return {
    handle(request, response, expectsContinue) {
      if (answerHealth(life, request, response)) return;
      if (life.state === "starting") return sendStarting(response);
      registry.handle(request, response, expectsContinue);
    },
    isWorking: (request) => registry.isWorking(request),
  };
}

function sendStarting(response: ServerResponse): void {
  const body = '{"errors":[{"code":"UNAVAILABLE","message":"the registry is starting"}]}';
  response.writeHead(503, { "content-type": "application/json", "retry-after": "1" });
  response.end(body);
}

function sayReady(env: NodeEnv, role: RegistryRole, ready: Omit<RegistryReady, "version">): void {
  role.showReady({ version: role.version, ...ready });
  env.log.info("ready", {
    version: role.version,
    registry: localUrl(ready.listen, schemeOf(role.config)),
    admin: ready.adminListen === null ? "off" : localUrl(ready.adminListen),
    data: ready.dataDirectory,
  });
}

function explainInstall(
  failure: Extract<Awaited<ReturnType<typeof initialise>>, { ok: false }>["error"],
): string {
  switch (failure.code) {
    case "format-newer":
      return (
        `the registry's records have format ${failure.found}, this sampan knows up to ` +
        `${failure.known}; start the newer version`
      );
    case "password-weak":
      return `SAMPAN_ADMIN_PASSWORD: ${failure.message}`;
    case "contended":
    case "undetermined":
      return "the store could not settle the first write; start again";
    default:
      return unreachable(failure);
  }
}
