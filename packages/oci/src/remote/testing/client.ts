// A client and a server that a test scripts, for as long as the test runs.

import type { Env } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { Digest, Reference, RepositoryName, Tag } from "../../model/index.ts";
import type { Credentials } from "../authorization.ts";
import type { Remote, RemoteRepository } from "../remote.ts";
import { createRemote } from "../remote.ts";
import type { Answer, Handler, TestServer } from "./server.ts";
import { startServer } from "./server.ts";

export const name = "library/a" as RepositoryName;
export const stallMs = 1000;

export interface Bench {
  readonly server: TestServer;
  readonly remote: Remote;
  readonly repository: RemoteRepository;
}

/** Time stands still in these tests, except where one lets it pass. */
export function stillEnv(): Env {
  const { env } = createSimulatedWorld(1);
  return { ...env, clock: { ...env.clock, sleep: async () => {} } };
}

export interface Setting {
  readonly credentials?: Credentials;
  readonly env?: Env;
}

export async function withRemote(
  handler: Handler,
  run: (bench: Bench) => Promise<void>,
  setting: Setting = {},
): Promise<void> {
  const server = await startServer(handler);
  const remote = createRemote(
    setting.env ?? stillEnv(),
    { credentials: setting.credentials ?? null },
    { registry: server.url, stallMs, connectionsMax: 4 },
  );
  try {
    await run({ server, remote, repository: remote.repository(name) });
  } finally {
    remote.close();
    await server.close();
  }
}

export const tag = (text: string): Reference => ({ type: "tag", tag: text as Tag });
export const byDigest = (digest: Digest): Reference => ({ type: "digest", digest });

export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const json = (value: unknown): Answer => ({ status: 200, body: JSON.stringify(value) });
