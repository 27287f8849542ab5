// Commits transactions. The decision (conflicts, timestamp, records, the call of the engine) is
// taken in one turn of the event loop, which is what latches are for elsewhere: no other commit
// comes between. Then the commits wait for the disk together, in the engine's group commit.
//
// When the engine fails a write, its log may hold the batch all the same and bring it back when it
// is opened again; even with `disk-full`, for it may be the fsync that failed. So every commit
// that was handed to the engine is then undetermined, and readers of its keys get an `IoError`
// until a restart tells. What was refused unseen was not applied: an `IoError` (the engine `closed`,
// or failed before), or another try (the engine `busy`).

import { errorCode } from "@sampan/env";
import { type CommitTimes, onePhaseModifies, type Timestamp } from "../core/index.ts";
import type { WriteBatch } from "../engine/engine.ts";
import { createWriteBatch } from "../engine/write-batch.ts";
import type { Mutation } from "../txn/write-buffer.ts";
import type { EngineWriter } from "./engine-writer.ts";
import { appendModifies } from "./modify-batch.ts";
import type { NewestValues } from "./newest-values.ts";
import type { RecentCommits } from "./recent-commits.ts";
import type { TimestampOracle } from "./timestamp-oracle.ts";

export type CommitResult =
  | {
      readonly type: "committed";
      readonly commitTs: Timestamp;
      /** Of its batch. */
      readonly bytes: number;
    }
  /** Another transaction committed one of the keys after this one had started. */
  | { readonly type: "conflict" }
  /** The engine holds no more writes now. */
  | { readonly type: "busy" }
  | { readonly type: "undetermined" };

export interface CommitterParts {
  readonly oracle: TimestampOracle;
  readonly recent: RecentCommits;
  readonly newest: NewestValues;
  readonly writer: EngineWriter;
}

/** A batch that has grown beyond this is not kept for the next commit, bytes. */
const batchBytesKept = 64 * 1024;

// hot path
export class Committer {
  readonly #parts: CommitterParts;
  #batch = createWriteBatch();

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** `mutations` rise by key, each key once, and there is one at least. */
  async commit(startTs: Timestamp, mutations: readonly Mutation[]): Promise<CommitResult> {
    const { oracle, recent, newest, writer } = this.#parts;
    if (recent.conflicts(mutations, startTs)) return { type: "conflict" };
    writer.check();
    const commitTs = oracle.next();
    const batch = this.#recordsOf(mutations, { startTs, commitTs });
    const { bytes } = batch;
    const commit = recent.begin(commitTs, mutations);
    for (const { name } of mutations) newest.forget(name);
    try {
      if (batch.count > 0) await writer.write(batch, { sync: true });
    } catch (error) {
      const code = errorCode(error);
      const isRefused = code === "closed" || code === "busy";
      recent.settle(commit, isRefused ? "done" : "lost");
      if (code === "closed") throw error;
      return { type: isRefused ? "busy" : "undetermined" };
    }
    recent.settle(commit, "done");
    return { type: "committed", commitTs, bytes };
  }

  /**
   * In the one batch of all commits: the engine takes its bytes within the call. A lock leaves no
   * record, for which the newest commits in memory stand: a key that is locked again and again would
   * be slow to read until its records are collected.
   */
  #recordsOf(mutations: readonly Mutation[], times: CommitTimes): WriteBatch {
    if (this.#batch.bytes > batchBytesKept) this.#batch = createWriteBatch();
    else this.#batch.clear();
    for (const mutation of mutations) {
      if (mutation.type === "lock") continue;
      appendModifies(this.#batch, onePhaseModifies(mutation, times));
    }
    return this.#batch;
  }
}
