// Puts the parts of /v2/ together.

import { availableParallelism } from "node:os";
import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Digest, DigestAlgorithm } from "@sampan/oci/model";
import type { Auth } from "../auth/auth.ts";
import type { BlobBody, BlobStore } from "../blobs/blobs.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { DistributionContext } from "./context.ts";
import { createDistribution, type Distribution } from "./distribution.ts";
import { Gate, SharedGate } from "./gate.ts";
import { createHttpEdge, type HttpEdge } from "./http/edge.ts";
import type { OriginOf } from "./http/origin.ts";
import { HashPool } from "./uploads/hash-pool.ts";
import { createUploadIntake } from "./uploads/intake.ts";
import { UploadSessions } from "./uploads/sessions.ts";
import { hashStored } from "./uploads/stored-hash.ts";
import { createSweep, type Sweep } from "./uploads/sweep.ts";

/** Uploads whose bodies are received at once; the next ones are told to come again. */
export const uploadBodiesMax = 512;
/** Of one user; of one address where nobody has logged in. */
export const uploadBodiesPerUserMax = 128;
/** Manifests that are held whole in memory, 4 MiB each at most. */
export const manifestBodiesMax = 32;
const hashWorkersMax = 2;

export interface DistributionDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Null: everyone may do everything. */
  readonly auth: Auth | null;
  readonly originOf: OriginOf;
}

export interface DistributionOptions {
  readonly uploadExpiryMs: number;
  /** Null: as many hashing workers as there are spare cores, at most two. */
  readonly hashWorkers: number | null;
  /** An index may name manifests that the repository has not. */
  readonly sparseIndexes: boolean;
}

export interface DistributionParts {
  readonly distribution: Distribution;
  readonly edge: HttpEdge;
  readonly sweep: Sweep;
  /** The digest of bytes that are stored. */
  hash(body: BlobBody, algorithm: DigestAlgorithm): Promise<Digest>;
  /** After the last request: lets go of threads. */
  close(): Promise<void>;
}

export function createDistributionParts(
  env: Env,
  deps: DistributionDeps,
  options: DistributionOptions,
): DistributionParts {
  const pool = new BufferPool();
  const hashes = new HashPool(env, { workersMax: options.hashWorkers ?? spareCores() });
  const sessions = new UploadSessions(env, hashes);
  const uploads = env.metrics.gauge("sampan_registry_uploads_open", {
    help: "Uploads whose bodies are being received or verified.",
  });
  const manifests = env.metrics.gauge("sampan_registry_manifests_open", {
    help: "Manifests that are being received.",
  });
  const context: DistributionContext = {
    env,
    store: deps.store,
    blobs: deps.blobs,
    auth: deps.auth,
    sparseIndexes: options.sparseIndexes,
    pool,
    hashes,
    intake: createUploadIntake(env, { pool }),
    sessions,
    uploadBodies: new SharedGate(new Gate(uploadBodiesMax, uploads), uploadBodiesPerUserMax),
    manifestBodies: new Gate(manifestBodiesMax, manifests),
  };
  const distribution = createDistribution(context);
  return {
    close: () => hashes.close(),
    distribution,
    hash: (body, algorithm) => hashStored({ pool, hashes }, body, algorithm),
    edge: createHttpEdge(env, { distribution, pool, originOf: deps.originOf }),
    sweep: createSweep(env, { store: deps.store, blobs: deps.blobs, sessions }, options),
  };
}

/** One core is the main thread's; alone, it would only pay for the messages. */
function spareCores(): number {
  return Math.min(availableParallelism() - 1, hashWorkersMax);
}
