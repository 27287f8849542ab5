// The registry in one process, on the store of this machine:
//
//   data directory → RocksDB → embedded store ─┐
//                             filesystem blobs ┴→ registry → registry port
//                                                      └───→ admin port
//
// Opened in this order. At the end requests under way are finished and all is closed in the
// opposite order; what was acknowledged is on the disk long before that.

import type { Server, ServerResponse } from "node:http";
import { err, ok, type Result, unreachable } from "@sampan/env";
import type { NodeEnv } from "@sampan/env/node";
import type { EmbeddedStore } from "@sampan/kv/embedded";
import {
  createHttpServer,
  createRegistry,
  type HttpHandler,
  initialise,
  type Registry,
  type RegistryOptions,
} from "@sampan/registry";
import { createFilesystemBlobs } from "@sampan/registry/blobs/filesystem";
import { createAdminServer } from "../admin/admin-server.ts";
import { answerHealth } from "../admin/health.ts";
import { createStateGauges } from "../admin/state-gauges.ts";
import { Closers } from "../closers.ts";
import { type Address, type Config, isLoopback, localUrl } from "../config/config.ts";
import type { DataDirectoryOptions } from "../data-directory/data-directory.ts";
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

    const blobs = createFilesystemBlobs(env, {
      directory: directory.blobs,
      pageCacheBytes: role.config.blobPageCache,
    });
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
    life.state = "ready";
    sayReady(env, role, { ...ports.value, dataDirectory: directory.path });
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

type Ports = Pick<RegistryReady, "listen" | "adminListen">;

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
  const server = createHttpServer(env, withHealth(parts), { stallMs: config.stallTimeout });
  const main = await listen(env, server, { address: config.listen, flag: "--listen" });
  if (!main.ok) return main;
  closers.add("registry port", () => main.value.drain(config.drainTimeout));
  return ok({ listen: main.value.address, adminListen });
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
    registry: localUrl(ready.listen),
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
