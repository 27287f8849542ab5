// The collector: frees what nothing refers to any more, while pushes go on. It works through what
// transactions have noted (meta/collection-records.ts) and never passes over everything:
//
//   freed      references were taken away       first look at once
//   linked     a blob came, or was mounted      first look when the grace time is over
//   condemned  by a first look                  second look when the grace time is over
//
// Any number of processes may collect: they conflict, and one of them wins.

import { type Counter, type Env, errorMessage, IoError } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { StoreError, transactionAgeMsMax } from "@sampan/kv/txn";
import type { BlobStore } from "../blobs/blobs.ts";
import { isRipe } from "../core/collection.ts";
import { condemnUnneeded, deleteCondemned, listWork, type WorkRow } from "../meta/index.ts";
import type { CollectionStage } from "../meta/keys.ts";

export interface CollectorOptions {
  /** Milliseconds for which what is not needed is kept, at least `graceMsMin`. */
  readonly graceMs: number;
}

export interface Collector {
  /** Until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** One round over what is due. True: there may be more. */
  round(signal: AbortSignal): Promise<boolean>;
}

export const graceMsMin = 10_000;
/**
 * Condemned work must have been seen for so long of this process's life, by the monotonic clock: the
 * wall clock may jump, and no push may be left that read before the first look was committed.
 */
const seenMsMin = transactionAgeMsMax + 2_000;

const idleMs = 1_000;
const failedMs = 10_000;
const rowsPage = 512;
/** Rows of one transaction; one of many items is bounded by the look itself. */
const rowsTogetherMax = 32;
/** Condemned rows that are watched at once; more wait for their turn. */
const watchedMax = 100_000;
/** Between two transactions, so that requests get their turn. */
const breathMs = 1;

export function createCollector(
  env: Env,
  deps: { readonly store: Store; readonly blobs: BlobStore },
  options: CollectorOptions,
): Collector {
  return new QueueCollector(env, deps, Math.max(options.graceMs, graceMsMin));
}

class QueueCollector implements Collector {
  readonly #env: Env;
  readonly #store: Store;
  readonly #blobs: BlobStore;
  readonly #graceMs: number;
  readonly #deleted: Counter;
  readonly #freedBytes: Counter;
  /** Condemned row → monotonic milliseconds at which it was first seen. */
  #seen = new Map<string, number>();

  constructor(
    env: Env,
    deps: { readonly store: Store; readonly blobs: BlobStore },
    graceMs: number,
  ) {
    this.#env = env;
    this.#store = deps.store;
    this.#blobs = deps.blobs;
    this.#graceMs = graceMs;
    this.#deleted = env.metrics.counter("sampan_collector_deleted_total", {
      help: "Records of blobs, manifests and links that the collector deleted.",
    });
    this.#freedBytes = env.metrics.counter("sampan_collector_freed_bytes_total", {
      help: "Bytes of the blobs that the collector deleted.",
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = idleMs;
      try {
        if (await this.round(signal)) waitMs = breathMs;
      } catch (error) {
        if (!isStoreFailure(error)) throw error;
        this.#env.log.warn("the collector failed and will go on later", {
          error: errorMessage(error),
        });
        waitMs = failedMs;
      }
      await this.#env.clock.sleep(waitMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  async round(signal: AbortSignal): Promise<boolean> {
    const freed = await this.#firstLooks("freed", signal);
    const linked = await this.#firstLooks("linked", signal);
    const condemned = await this.#secondLooks(signal);
    return freed || linked || condemned;
  }

  async #firstLooks(stage: "freed" | "linked", signal: AbortSignal): Promise<boolean> {
    const page = await this.#list(stage, null);
    const nowMs = this.#env.clock.now();
    const due =
      stage === "freed" ? page : page.filter(({ atMs }) => isRipe(atMs, nowMs, this.#graceMs));
    await this.#inTransactions(due, signal, async (rows) => {
      return (await condemnUnneeded(this.#store, rows, this.#env.clock.now())).ok;
    });
    return due.length > 0 && page.length === rowsPage;
  }

  async #secondLooks(signal: AbortSignal): Promise<boolean> {
    const due = await this.#watch(signal);
    const before = this.#env.clock.now();
    let bytes = 0;
    await this.#inTransactions(due, signal, async (rows) => {
      const settled = await deleteCondemned(this.#store, rows);
      if (!settled.ok) return false;
      const { links, blobs, contents, locations } = settled.value;
      for (const location of locations) await this.#blobs.delete(location);
      this.#deleted.add(links + blobs + contents);
      this.#freedBytes.add(settled.value.bytes);
      bytes += settled.value.bytes;
      return true;
    });
    if (bytes > 0) {
      const ms = this.#env.clock.now() - before;
      this.#env.log.info("freed what nothing refers to", { bytes, ms });
    }
    return due.length === rowsPage;
  }

  /** Looks through the condemned rows, remembers since when they are seen, and picks what is due. */
  async #watch(signal: AbortSignal): Promise<WorkRow[]> {
    const seen = new Map<string, number>();
    const due: WorkRow[] = [];
    const nowMs = this.#env.clock.now();
    const monotonicMs = this.#env.clock.monotonic();
    let after: Uint8Array | null = null;
    while (!signal.aborted && seen.size < watchedMax) {
      const page: WorkRow[] = await this.#list("condemned", after);
      for (const row of page) {
        const name = Buffer.from(row.key).toString("latin1");
        const sinceMs = this.#seen.get(name) ?? monotonicMs;
        seen.set(name, sinceMs);
        const isDue = monotonicMs - sinceMs >= seenMsMin && isRipe(row.atMs, nowMs, this.#graceMs);
        if (isDue && due.length < rowsPage) due.push(row);
      }
      after = page.at(-1)?.key ?? null;
      if (page.length < rowsPage) break;
    }
    this.#seen = seen;
    return due;
  }

  async #list(stage: CollectionStage, after: Uint8Array | null): Promise<WorkRow[]> {
    const snapshot = await this.#store.snapshot();
    try {
      return await listWork(snapshot, stage, { after, limit: rowsPage });
    } finally {
      snapshot.release();
    }
  }

  /** A group of rows that could not be settled is tried row by row; what then fails waits. */
  async #inTransactions(
    rows: readonly WorkRow[],
    signal: AbortSignal,
    settle: (rows: readonly WorkRow[]) => Promise<boolean>,
  ): Promise<void> {
    for (let from = 0; from < rows.length && !signal.aborted; from += rowsTogetherMax) {
      const group = rows.slice(from, from + rowsTogetherMax);
      if (!(await settle(group)) && group.length > 1) {
        for (const row of group) await settle([row]);
      }
      await this.#env.clock.sleep(breathMs, signal).catch(() => undefined);
    }
  }
}

function isStoreFailure(error: unknown): boolean {
  if (error instanceof StoreError) return error.code !== "closed";
  return error instanceof IoError && error.code !== "closed";
}
