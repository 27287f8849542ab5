// A /v2/ face on a port of its own, over the embedded store on the memory engine and blobs in a
// directory that goes away with it. It can be stopped and started again on the same data.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Env } from "@sampan/env";
import { createNodeEnv, type NodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine, type MemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { createStrictStore, type StrictRates } from "@sampan/kv/txn/strict";
import { computeDigest, type Digest } from "@sampan/oci/model";
import type { Auth } from "../../auth/auth.ts";
import { initialise } from "../../auth/first-start.ts";
import type { BlobStore } from "../../blobs/blobs.ts";
import { createFilesystemBlobs } from "../../blobs/filesystem.ts";
import { install } from "../../meta/installation.ts";
import { brokenInvariants } from "../../meta/testing/invariants.ts";
import { createDistributionParts, type DistributionParts } from "../create.ts";
import { createOriginOf } from "../http/origin.ts";
import { createHttpServer } from "../http/server.ts";
import { type Answer, type Asked, createHttpClient, type HttpClient } from "./http-client.ts";

export interface WorldOptions {
  /** Injections of the strict twin, after the first start. */
  readonly rates?: StrictRates;
  readonly stallMs?: number;
  readonly externalUrl?: string;
  readonly sparseIndexes?: boolean;
  readonly createAuth?: (env: Env, store: Store) => Auth;
  /** Wraps the store, to let something happen between two of a request's steps. */
  readonly wrapStore?: (store: Store) => Store;
  /** Wraps the blob store, to make it fail. */
  readonly wrapBlobs?: (blobs: BlobStore) => BlobStore;
}

export const adminPassword = "test-password-1";

/** A test in a world of its own. */
export function worldTest(
  name: string,
  options: WorldOptions,
  body: (world: RegistryWorld) => Promise<void>,
): void {
  test(name, async () => {
    const root = await mkdtemp(join(tmpdir(), "sampan-registry-"));
    const world = new RegistryWorld(root, options);
    try {
      await world.start();
      await body(world);
    } finally {
      await world.stop();
      await rm(root, { recursive: true });
    }
  });
}

interface Running {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly parts: DistributionParts;
  readonly server: Server;
  readonly client: HttpClient;
  readonly port: number;
}

export class RegistryWorld {
  readonly env: NodeEnv;
  /** What was logged at `warn` and above. */
  readonly lines: string[] = [];
  readonly #root: string;
  readonly #options: WorldOptions;
  #engine: MemoryEngine;
  #running: Running | null = null;
  #isFirst = true;

  constructor(root: string, options: WorldOptions) {
    const stream = { write: (line: string) => void this.lines.push(line) };
    this.env = createNodeEnv({ service: "test", log: { level: "warn", format: "json", stream } });
    this.#root = root;
    this.#options = options;
    this.#engine = createMemoryEngine(this.env, {});
  }

  get store(): Store {
    return this.#now.store;
  }

  get blobs(): BlobStore {
    return this.#now.blobs;
  }

  get parts(): DistributionParts {
    return this.#now.parts;
  }

  get server(): Server {
    return this.#now.server;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#now.port}`;
  }

  get #now(): Running {
    assert.ok(this.#running !== null, "the world runs");
    return this.#running;
  }

  async start(): Promise<void> {
    const { env } = this;
    const options = this.#options;
    const inner = await openEmbeddedStore(env, { engine: this.#engine }, {});
    if (this.#isFirst) {
      // A real hash takes a third of a second, and few tests log in.
      const made =
        options.createAuth === undefined
          ? await install(inner, { adminPasswordHash: "none", nowMs: env.clock.now() })
          : await initialise(env, inner, { adminPassword });
      assert.ok(made.ok);
    }
    this.#isFirst = false;
    const strict =
      options.rates === undefined ? inner : createStrictStore(env, inner, options.rates);
    const store = options.wrapStore?.(strict) ?? strict;
    const files = createFilesystemBlobs(env, {
      directory: join(this.#root, "blobs"),
      pageCacheBytes: 256 * 1024,
    });
    const blobs = options.wrapBlobs?.(files) ?? files;
    const originOf = createOriginOf(options.externalUrl ?? null);
    const parts = createDistributionParts(
      env,
      { store, blobs, auth: options.createAuth?.(env, store) ?? null, originOf },
      {
        uploadExpiryMs: 24 * 60 * 60_000,
        hashWorkers: 1,
        sparseIndexes: options.sparseIndexes ?? false,
      },
    );
    const { edge } = parts;
    const server = createHttpServer(
      env,
      {
        handle: (request, response, expects = false) => edge.handle(request, response, expects),
        isWorking: (request) => edge.isWorking(request),
      },
      { stallMs: options.stallMs ?? 30_000 },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    this.#running = { store, blobs, parts, server, port, client: createHttpClient(port) };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    const closed = new Promise((resolve) => running.server.close(resolve));
    running.server.closeAllConnections();
    await closed;
    await running.parts.close();
    await running.store.close();
  }

  /** The process ends and the next one begins, on what is stored. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#engine.close();
    this.#engine = this.#engine.reopen();
    await this.start();
  }

  send(method: string, path: string, asked?: Asked): Promise<Answer> {
    return this.#now.client.send(method, path, asked);
  }

  connect() {
    return this.#now.client.connect();
  }

  /** Answers of an expected status, or fails with what came instead. */
  async expect(status: number, method: string, path: string, asked?: Asked): Promise<Answer> {
    const answer = await this.send(method, path, asked);
    const said = `${method} ${path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`;
    assert.equal(answer.status, status, said);
    return answer;
  }

  /** Begins an upload; gives its location's path. */
  async begin(repository: string): Promise<string> {
    const answer = await this.expect(202, "POST", `/v2/${repository}/blobs/uploads/`);
    return String(answer.headers.location).slice(this.origin.length);
  }

  async pushBlob(repository: string, bytes: Uint8Array): Promise<Digest> {
    const digest = computeDigest(bytes);
    const path = `/v2/${repository}/blobs/uploads/?digest=${digest}`;
    await this.expect(201, "POST", path, { body: bytes });
    return digest;
  }

  /** Config, one layer and a manifest of them under the tag. */
  async pushImage(repository: string, tag: string, seed: string): Promise<PushedImage> {
    const config = Buffer.from(JSON.stringify({ seed }));
    const layer = Buffer.from(`layer of ${seed}`);
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, layer);
    const manifest = manifestOf(config, [layer]);
    const headers = { "content-type": ociManifest };
    await this.expect(201, "PUT", `/v2/${repository}/manifests/${tag}`, {
      headers,
      body: manifest,
    });
    return { config, layer, manifest, digest: computeDigest(manifest) };
  }

  /** Fails when the records contradict each other or name bytes that are not there. */
  async check(): Promise<void> {
    const reader = await this.store.snapshot();
    try {
      assert.deepEqual(await brokenInvariants(reader), []);
    } finally {
      reader.release();
    }
  }
}

export interface PushedImage {
  readonly config: Buffer;
  readonly layer: Buffer;
  readonly manifest: Buffer;
  readonly digest: Digest;
}

export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const absentDigest = computeDigest(Buffer.from("nobody has this"));

/** More fields, such as a subject, go in as `more`. */
export function manifestOf(config: Buffer, layers: readonly Buffer[], more: object = {}): Buffer {
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: computeDigest(bytes),
    size: bytes.byteLength,
  });
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: described("application/vnd.oci.image.config.v1+json", config),
      layers: layers.map((layer) =>
        described("application/vnd.oci.image.layer.v1.tar+gzip", layer),
      ),
      ...more,
    }),
  );
}
