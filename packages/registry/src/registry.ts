// The registry: everything that answers on its port, and what runs behind. The server composes it:
//
//   const registry = createRegistry(env, { store, blobs }, options);
//   await registry.ready();
//   const server = createHttpServer(env, registry, { stallMs });   // yet to listen
//   const running = registry.run(signal);            // the sweep, the sequencer, the collector
//   …
//   server.close(…); await running; await registry.close();
//
// The store must have been initialised (meta's `initialise`) before the first request.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { createAuth } from "./auth/auth.ts";
import type { BlobStore } from "./blobs/blobs.ts";
import { createDistributionParts } from "./distribution/create.ts";
import type { Distribution } from "./distribution/distribution.ts";
import { createOriginOf } from "./distribution/http/origin.ts";
import type { HttpHandler } from "./distribution/http/server.ts";
import { pathOf } from "./distribution/http/target.ts";
import { createSequencer } from "./events/sequencer.ts";
import { sendFrontPage, sendNotFound } from "./front-page.ts";
import { createStoreCheck } from "./jobs/check.ts";
import { createCollector } from "./jobs/collect.ts";
import { createManagement } from "./management/management.ts";

export { type Initialised, initialise, resetPassword } from "./auth/first-start.ts";
export { Connections } from "./distribution/http/connections.ts";
export type { Network } from "./distribution/http/networks.ts";
export {
  createHttpServer,
  createHttpsServer,
  type HttpHandler,
  type HttpServerOptions,
  type KeyPair,
  replaceKeyPair,
} from "./distribution/http/server.ts";
export { pathOf, takeOriginForm } from "./distribution/http/target.ts";

export interface RegistryDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
}

export interface RegistryOptions {
  /** Product version, for systeminfo and the front page. */
  readonly version: string;
  /** Under which clients reach us; null: it is read from each request. */
  readonly externalUrl: string | null;
  /** `none`: everyone may do everything, and nothing is looked up. For a loopback address alone. */
  readonly auth: "password" | "none";
  /** An upload that received nothing for so many milliseconds is thrown away. */
  readonly uploadExpiryMs: number;
  /** What nothing refers to is kept for so many milliseconds (jobs/collect.ts). */
  readonly graceMs: number;
  /** Names this process among those that share the store; unique, and the same after a restart. */
  readonly instance: string;
  /** Threads that hash uploads; null: as many as there are spare cores, at most two. */
  readonly hashWorkers?: number | null;
  /** An index may name manifests that its repository has not. Absent: it may not. */
  readonly sparseIndexes?: boolean;
}

export interface Registry extends HttpHandler {
  /** Resolves when requests may come. */
  ready(): Promise<void>;
  /** What runs behind the requests (the sweep, the sequencer, the collector), until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** After the last request. */
  close(): Promise<void>;
  /** The face of /v2/ without sockets, for tests and simulation. */
  readonly distribution: Distribution;
}

export function createRegistry(env: Env, deps: RegistryDeps, options: RegistryOptions): Registry {
  const { store, blobs } = deps;
  const { version, externalUrl, uploadExpiryMs } = options;
  const auth = createAuth(env, { store }, { mode: options.auth === "none" ? "none" : "token" });
  const parts = createDistributionParts(
    env,
    {
      store,
      blobs,
      auth: options.auth === "none" ? null : auth,
      originOf: createOriginOf(externalUrl),
    },
    {
      uploadExpiryMs,
      hashWorkers: options.hashWorkers ?? null,
      sparseIndexes: options.sparseIndexes ?? false,
    },
  );
  const { distribution, edge, sweep } = parts;
  const { graceMs } = options;
  const check = createStoreCheck(env, { store, blobs, hash: parts.hash });
  const management = createManagement(
    env,
    { store, auth, check },
    { version, externalUrl, graceMs },
  );
  const sequencer = createSequencer(env, { store }, { owner: options.instance });
  const collector = createCollector(env, { store, blobs }, { graceMs });

  function handle(
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue = false,
  ): void {
    const path = pathOf(request);
    if (path.startsWith("/v2/") || path === "/v2") {
      edge.handle(request, response, expectsContinue);
      return;
    }
    if (expectsContinue) response.writeContinue();
    if (path.startsWith("/api/") || path.startsWith("/service/")) {
      management.routing(request, response);
    } else if (path === "/") sendFrontPage(request, response);
    else sendNotFound(response);
  }

  return {
    distribution,
    handle,
    isWorking: (request: IncomingMessage) => edge.isWorking(request),
    ready: () => management.ready(),
    async run(signal: AbortSignal): Promise<void> {
      await Promise.all([sweep.run(signal), sequencer.run(signal), collector.run(signal)]);
    },
    async close(): Promise<void> {
      await Promise.all([management.close(), parts.close()]);
    },
  };
}
