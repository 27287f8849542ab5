// What the handlers of /v2/ work with.

import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Auth } from "../auth/auth.ts";
import type { BlobStore } from "../blobs/blobs.ts";
import type { BufferPool } from "./buffer-pool.ts";
import type { Gate, SharedGate } from "./gate.ts";
import type { HashPool } from "./uploads/hash-pool.ts";
import type { UploadIntake } from "./uploads/intake.ts";
import type { UploadSessions } from "./uploads/sessions.ts";

export interface DistributionContext {
  readonly env: Env;
  readonly store: Store;
  readonly blobs: BlobStore;
  /** Null: everyone may do everything, and nothing is looked up to find that out. */
  readonly auth: Auth | null;
  /** An index may name manifests that the repository has not. */
  readonly sparseIndexes: boolean;
  readonly pool: BufferPool;
  readonly hashes: HashPool;
  readonly intake: UploadIntake;
  readonly sessions: UploadSessions;
  /** Bodies of uploads that are received at once, shared among those who push. */
  readonly uploadBodies: SharedGate;
  /** Bodies of manifests that are held in memory at once. */
  readonly manifestBodies: Gate;
}
