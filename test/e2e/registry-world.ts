// A whole registry in this process, in memory, behind a real socket: for tests from end to end.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Credentials, Remote } from "@sampan/oci/remote";
import { createRemote } from "@sampan/oci/remote";
import { createHttpServer, createRegistry, initialise } from "@sampan/registry";
import { createMemoryBlobs } from "@sampan/registry/blobs/memory";

export interface RegistryWorld {
  readonly url: URL;
  readonly admin: Credentials;
  /** A client of its own; null: anonymous. Closed with the world. */
  remote(credentials: Credentials | null): Remote;
  close(): Promise<void>;
}

const admin = { username: "admin", password: "correct-horse-battery" };
const stallMs = 30_000;

export async function startRegistryWorld(): Promise<RegistryWorld> {
  const env = createNodeEnv({ service: "test", log: { level: "error", format: "json" } });
  const engine = createMemoryEngine(env, {});
  const store = await openEmbeddedStore(env, { engine }, {});
  await initialise(env, store, { adminPassword: admin.password });
  const blobs = createMemoryBlobs(env);
  const registry = createRegistry(env, { store, blobs }, options);
  await registry.ready();
  const server = createHttpServer(env, registry, { stallMs }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}`);
  const remotes: Remote[] = [];
  return {
    url,
    admin,
    remote: (credentials) => connect(env, { url, credentials, remotes }),
    close: async () => {
      for (const remote of remotes) remote.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await registry.close();
      await store.close();
      await engine.close();
    },
  };
}

const options = {
  version: "test",
  externalUrl: null,
  auth: "password",
  uploadExpiryMs: 60_000,
  graceMs: 60_000,
  instance: "test",
  hashWorkers: 0,
} as const;

interface Connection {
  readonly url: URL;
  readonly credentials: Credentials | null;
  readonly remotes: Remote[];
}

function connect(env: Env, { url, credentials, remotes }: Connection): Remote {
  const remote = createRemote(env, { credentials }, { registry: url, stallMs, connectionsMax: 8 });
  remotes.push(remote);
  return remote;
}
