// A registry's metadata in a world of virtual time, on the embedded store or on the strict twin,
// and small pushes to fill it with. For tests.

import assert from "node:assert/strict";
import type { Env, Result } from "@sampan/env";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Snapshot, Store } from "@sampan/kv/txn";
import { createStrictStore, type StrictRates, strictCalm } from "@sampan/kv/txn/strict";
import type { Annotations, Digest, Manifest, RepositoryName, Tag } from "@sampan/oci/model";
import { computeDigest, mediaTypes, parseManifest } from "@sampan/oci/model";
import type { BlobLocation } from "../../blobs/blobs.ts";
import { commitBlob } from "../blob-links.ts";
import { install } from "../installation.ts";
import { putManifest } from "../manifest-push.ts";

export interface MetaWorld {
  readonly world: SimulatedWorld;
  readonly env: Env;
  /** Strict: injects what `rates` say, and finds misuse in any case. */
  readonly store: Store;
  /** The store below, which injects nothing. */
  readonly calm: Store;
  /** Reads the newest moment. */
  read<T>(body: (reader: Snapshot) => Promise<T>): Promise<T>;
}

export async function withMeta(
  options: { readonly seed?: number; readonly rates?: StrictRates },
  body: (meta: MetaWorld) => Promise<void>,
): Promise<void> {
  const world = createSimulatedWorld(options.seed ?? 1);
  const run = async () => {
    const { env } = world;
    const engine = createMemoryEngine(env, { delayMsMax: 4, readsPerWait: 10 });
    const calm = await openEmbeddedStore(env, { engine }, {});
    const store = createStrictStore(env, calm, options.rates ?? strictCalm);
    value(await install(calm, { adminPasswordHash: "none", nowMs: env.clock.now() }));
    const read = async <T>(look: (reader: Snapshot) => Promise<T>) => {
      const snapshot = await calm.snapshot();
      try {
        return await look(snapshot);
      } finally {
        snapshot.release();
      }
    };
    await body({ world, env, store, calm, read });
    await store.close();
    await engine.close();
  };
  await world.drive(run());
}

/** The value of what must have gone well. */
export function value<Value>(result: Result<Value, { readonly code: string }>): Value {
  assert.ok(result.ok, result.ok ? "" : `failed: ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The code of what must have failed. */
export function failure(result: Result<unknown, { readonly code: string }>): string {
  assert.ok(!result.ok, "succeeded");
  return result.error.code;
}

/** As a client does that gets 503: again, until the outcome is known. */
export async function persist<Value, Failure extends { readonly code: string }>(
  call: () => Promise<Result<Value, Failure>>,
): Promise<Result<Value, Failure>> {
  for (;;) {
    const result = await call();
    if (result.ok) return result;
    if (result.error.code !== "contended" && result.error.code !== "undetermined") return result;
  }
}

/** The wall clock of tests that do not look at it. */
export const nowMs = 1_700_000_000_000;
export const repository = (name: string) => name as RepositoryName;
export const tag = (name: string) => name as Tag;
export const location = (name: string) => name as BlobLocation;
export const digestOf = (text: string): Digest => computeDigest(Buffer.from(text));

export interface TestManifest {
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  /** Config and layers. */
  readonly blobs: readonly Digest[];
}

/** Size of every made-up blob. */
const blobBytes = 7;

/** An image of made-up blobs; equal arguments make equal images. */
export function testImage(
  name: string,
  options: {
    readonly layers?: readonly string[];
    readonly subject?: TestManifest;
    readonly artifactType?: string;
    readonly annotations?: Annotations;
  } = {},
): TestManifest {
  const layers = (options.layers ?? [`${name} layer`]).map((text) => ({
    mediaType: mediaTypes.ociLayerGzip,
    digest: digestOf(text),
    size: blobBytes,
  }));
  const config = {
    mediaType: mediaTypes.ociConfig,
    digest: digestOf(`${name} config`),
    size: blobBytes,
  };
  const { subject, artifactType, annotations } = options;
  return testManifest(mediaTypes.ociManifest, {
    ...(artifactType === undefined ? {} : { artifactType }),
    config,
    layers,
    ...(subject === undefined ? {} : { subject: descriptorOf(subject) }),
    ...(annotations === undefined ? {} : { annotations }),
  });
}

export function testIndex(children: readonly TestManifest[]): TestManifest {
  return testManifest(mediaTypes.ociIndex, { manifests: children.map(descriptorOf) });
}

function descriptorOf({ digest, bytes, manifest }: TestManifest) {
  return { mediaType: manifest.mediaType, digest, size: bytes.length };
}

function testManifest(mediaType: string, fields: object): TestManifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  const manifest = value(parseManifest(bytes, mediaType));
  const descriptors = manifest.type === "image" ? [manifest.config, ...manifest.layers] : [];
  const blobs = descriptors.map((descriptor) => descriptor.digest);
  return { digest: computeDigest(bytes), manifest, bytes, blobs };
}

/** What others brought is there: these tests have records only. */
export const isStored = async (): Promise<boolean> => true;

/** Brings the blobs into the repository, each from a location of its own. */
export async function uploadBlobs(
  store: Store,
  to: RepositoryName,
  digests: readonly Digest[],
): Promise<void> {
  for (const digest of new Set(digests)) {
    const place = location(`${to}/${digest}`);
    const commit = {
      repository: to,
      digest,
      location: place,
      bytes: blobBytes,
      uploadId: null,
      isStored,
      nowMs,
    };
    value(await persist(() => commitBlob(store, commit)));
  }
}

/** One PUT of the manifest; its blobs are there. */
export function pushManifest(
  store: Store,
  to: RepositoryName,
  image: TestManifest,
  tags: readonly string[] = [],
) {
  return putManifest(store, {
    repository: to,
    tags: tags.map(tag),
    digest: image.digest,
    manifest: image.manifest,
    bytes: image.bytes.length,
    content: { type: "inline", bytes: image.bytes },
    actor: "tester",
    nowMs,
  });
}

/** Blobs, then the manifest, as a client pushes. */
export async function pushImage(
  store: Store,
  to: RepositoryName,
  image: TestManifest,
  tags: readonly string[] = [],
): Promise<void> {
  await uploadBlobs(store, to, image.blobs);
  value(await persist(() => pushManifest(store, to, image, tags)));
}

/**
 * A store whose first transaction ends undetermined, committed or not, and lets `between` run to its
 * end before it says so: the body is run again on what both have left.
 */
export function undeterminedOnce(
  store: Store,
  committed: boolean,
  between: () => Promise<void>,
): Store {
  const undone = new Error("rolled back");
  let begun = false;
  return {
    snapshot: (at) => store.snapshot(at),
    close: () => store.close(),
    async transact(fn) {
      if (begun) return await store.transact(fn);
      begun = true;
      await store
        .transact(async (transaction) => {
          await fn(transaction);
          if (!committed) throw undone;
        })
        .catch((error: unknown) => assert.equal(error, undone));
      await between();
      return { type: "undetermined" };
    },
  };
}

/**
 * A store whose first transaction, once its body has run and before it commits, lets `between` run
 * to its end: what the body has read may then be stale, and it commits or is run again as the
 * contract says.
 */
export function overlapped(store: Store, between: () => Promise<void>): Store {
  let begun = false;
  return {
    snapshot: (at) => store.snapshot(at),
    close: () => store.close(),
    transact: (fn) =>
      store.transact(async (transaction) => {
        const result = await fn(transaction);
        if (!begun) {
          begun = true;
          await between();
        }
        return result;
      }),
  };
}
