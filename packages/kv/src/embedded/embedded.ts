// The store of transactions in this process, over an engine that it has for itself. Its records are
// those of a cluster node (core; keys as given, API V1), so that a data directory can grow into
// one.
//
//   transact   fn on a view → a key held by another? wait → room? → conflict? → timestamp → records
//              → group commit → answer
//   read       commits of the key under way? wait → read lately? → the engine
//
// Where what is decided: recent-commits.ts conflicts, committer.ts outcomes and failures, view.ts
// what a reader sees, timestamp-oracle.ts time, collector.ts what is thrown away, local-records.ts
// formats.

import type { Counter, Env, Histogram } from "@sampan/env";
import type { Timestamp } from "../core/index.ts";
import type { Engine } from "../engine/engine.ts";
import {
  attemptsMax,
  type Outcome,
  type Snapshot,
  type Store,
  StoreError,
  snapshotAgeMsMax,
  type Transaction,
  transactionAgeMsMax,
} from "../txn/txn.ts";
import { type Collection, Collector } from "./collector.ts";
import { CommitRoom } from "./commit-room.ts";
import { Committer } from "./committer.ts";
import { EngineWriter, leaveToWriter } from "./engine-writer.ts";
import { LiveReaders } from "./live-readers.ts";
import { openLocalRecords, timeBoundBatch } from "./local-records.ts";
import { LockQueue, type LockTicket } from "./lock-queue.ts";
import { NewestValues } from "./newest-values.ts";
import { PointReader } from "./point-reader.ts";
import { RecentCommits } from "./recent-commits.ts";
import { EmbeddedSnapshot } from "./snapshot.ts";
import { openTimestampOracle, type TimestampOracle } from "./timestamp-oracle.ts";
import { EmbeddedTransaction, type TransactionParts } from "./transaction.ts";
import { View } from "./view.ts";
import { VisibleScans } from "./visible-scans.ts";

export interface EmbeddedStoreOptions {
  /**
   * How long versions are kept that newer ones have replaced, milliseconds; a snapshot's longest
   * life and a minute when not given.
   */
  readonly retentionMs?: number;
  /** How often it is looked whether there is something to collect, milliseconds; a minute. */
  readonly collectEveryMs?: number;
  /** Memory for values that were read lately, bytes; 8 MiB when not given, 0 keeps none. */
  readonly valueCacheBytes?: number;
}

export interface EmbeddedStore extends Store {
  /**
   * Collects old versions now and then until the signal is aborted; everything else needs no run.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Collects what only reads below `safePoint` could see, at most up to the oldest live reader. */
  gc(safePoint: Timestamp): Promise<Collection>;
  /** The oldest moment that can still be read. */
  safePoint(): Timestamp;
  /** The newest timestamp given out. */
  newestTimestamp(): Timestamp;
  stats(): EmbeddedStats;
}

/** Of this moment, but for the sums since the store was opened. */
export interface EmbeddedStats {
  readonly transactionsOpen: number;
  readonly snapshotsOpen: number;
  /** Commits that wait for the disk, or were lost when it failed. */
  readonly commitsPending: number;
  /** Of commits that wait for the disk, about, without those in line for it. */
  readonly commitBytes: number;
  /** Keys remembered for the detection of conflicts. */
  readonly recentKeys: number;
  /** Of their names: of a commit nothing else is kept. */
  readonly recentBytes: number;
  /** Keys that transactions hold or wait for by hot locks. */
  readonly hotKeys: number;
  /** Writes are refused since one failed. */
  readonly hasFailed: boolean;
}

const defaults = {
  retentionMs: snapshotAgeMsMax + 60_000,
  collectEveryMs: 60_000,
  valueCacheBytes: 8 * 1024 * 1024,
};
/** Transactions open at once; more are answered `contended`. */
export const transactionsOpenMax = 10_000;
/** The first pause before a next try; each doubles it. A random part of it is taken. */
const backoffMsFirst = 1;

/**
 * The engine stays the caller's to close, after the store. Fails with an `IoError`: `format-newer`,
 * `format-unknown`, `corrupt`, or the engine's.
 */
export async function openEmbeddedStore(
  env: Env,
  parts: { readonly engine: Engine },
  options: EmbeddedStoreOptions,
): Promise<EmbeddedStore> {
  const { engine } = parts;
  const records = await openLocalRecords(engine);
  const writer = new EngineWriter(env, engine);
  const persist = (bound: Timestamp): Promise<void> =>
    writer.write(timeBoundBatch(bound), { sync: true });
  const oracle = await openTimestampOracle(env, persist, records.timeBound);
  const live = new LiveReaders();
  const collector = new Collector(
    env,
    { engine, writer, oracle, live },
    {
      retentionMs: options.retentionMs ?? defaults.retentionMs,
      intervalMs: options.collectEveryMs ?? defaults.collectEveryMs,
      safePoint: records.safePoint,
    },
  );
  const newest = new NewestValues(options.valueCacheBytes ?? defaults.valueCacheBytes);
  return new OpenStore(env, { engine, writer, oracle, live, collector, newest });
}

/** `fn` is to be run again: nothing was written. */
type Retry = { readonly type: "conflict" } | { readonly type: "busy" };

const conflict: Retry = { type: "conflict" };

interface StoreParts {
  readonly engine: Engine;
  readonly writer: EngineWriter;
  readonly oracle: TimestampOracle;
  readonly live: LiveReaders;
  readonly collector: Collector;
  readonly newest: NewestValues;
}

class OpenStore implements EmbeddedStore {
  readonly #env: Env;
  readonly #parts: StoreParts;
  readonly #recent: RecentCommits;
  readonly #hotLocks = new LockQueue();
  readonly #points: PointReader;
  readonly #scans: VisibleScans;
  readonly #committer: Committer;
  readonly #room = new CommitRoom();
  readonly #transactionParts: TransactionParts;
  readonly #metrics: StoreMetrics;
  #underWay = 0;
  #closing: Promise<void> | null = null;
  #onIdle: () => void = () => undefined;
  /** Closing waits for no transaction any more, and none begins or commits. */
  #isOver = false;

  constructor(env: Env, parts: StoreParts) {
    this.#env = env;
    this.#parts = parts;
    this.#recent = new RecentCommits(parts.oracle.last);
    this.#points = new PointReader(parts.engine, parts.writer);
    this.#scans = new VisibleScans(parts.engine, parts.writer);
    this.#committer = new Committer({ ...parts, recent: this.#recent });
    this.#metrics = createMetrics(env);
    this.#transactionParts = {
      clock: env.clock,
      live: parts.live,
      hotLocks: this.#hotLocks,
      newView: () => {
        this.#checkNotOver();
        return this.#newView();
      },
    };
  }

  async transact<T>(fn: (transaction: Transaction) => Promise<T>): Promise<Outcome<T>> {
    this.#checkOpen();
    if (this.#underWay >= transactionsOpenMax) return this.#count({ type: "contended" });
    this.#underWay += 1;
    try {
      for (let tries = 1; ; tries++) {
        const outcome = await this.#attempt(fn);
        if (outcome.type !== "conflict" && outcome.type !== "busy") return this.#count(outcome);
        if (outcome.type === "conflict") this.#metrics.conflicts.add();
        if (tries === attemptsMax) return this.#count({ type: "contended" });
        const pauseMs = this.#env.random.fraction() * backoffMsFirst * 2 ** (tries - 1);
        await this.#env.clock.sleep(pauseMs);
      }
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle();
    }
  }

  async snapshot(at?: Timestamp): Promise<Snapshot> {
    this.#checkOpen();
    if (at !== undefined) this.#checkMoment(at);
    const view = at === undefined ? this.#newView() : this.#view(at);
    const { live } = this.#parts;
    const snapshot = new EmbeddedSnapshot({
      clock: this.#env.clock,
      view,
      isClosed: () => this.#closing !== null,
      onRelease: (released) => live.removeSnapshot(released),
    });
    live.addSnapshot(snapshot);
    return snapshot;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#parts.collector.run(signal, () => this.#dropIterators());
  }

  async gc(safePoint: Timestamp): Promise<Collection> {
    this.#checkOpen();
    return this.#parts.collector.collect(safePoint, null);
  }

  safePoint(): Timestamp {
    return this.#parts.collector.safePoint;
  }

  newestTimestamp(): Timestamp {
    return this.#parts.oracle.last;
  }

  stats(): EmbeddedStats {
    return {
      transactionsOpen: this.#underWay,
      snapshotsOpen: this.#parts.live.snapshots,
      commitsPending: this.#recent.pending,
      commitBytes: this.#room.bytes,
      recentKeys: this.#recent.keys,
      recentBytes: this.#recent.bytes,
      hotKeys: this.#hotLocks.size,
      hasFailed: this.#parts.writer.hasFailed,
    };
  }

  async #attempt<T>(fn: (transaction: Transaction) => Promise<T>): Promise<Outcome<T> | Retry> {
    const transaction = new EmbeddedTransaction(this.#transactionParts);
    try {
      const value = await runToEnd(fn, transaction);
      return await this.#commit(transaction, value);
    } finally {
      transaction.release();
      const nowMs = this.#env.clock.monotonic();
      this.#recent.forget(this.#parts.live.oldestTransactionTs(nowMs));
    }
  }

  async #commit<T>(transaction: EmbeddedTransaction, value: T): Promise<Outcome<T> | Retry> {
    const mutations = transaction.mutations();
    if (mutations.length === 0) return { type: "committed", value, commitTs: null };
    const holder = transaction.otherHolder();
    if (holder !== null && !(await this.#waitForHolders(transaction, holder))) return conflict;
    const startedMs = this.#env.clock.monotonic();
    const { bytes } = transaction;
    const wait = this.#room.enter(bytes);
    if (wait !== null) await wait;
    try {
      // In line it may have grown too old for the detection of its conflicts.
      if (wait !== null) transaction.checkAge();
      this.#checkNotOver();
      if (wait !== null && transaction.otherHolder() !== null) return conflict;
      const result = await this.#committer.commit(transaction.readTs, mutations);
      if (result.type !== "committed") return result;
      this.#parts.collector.noteCommit(mutations.length, result.bytes);
      this.#metrics.commitSeconds.observe((this.#env.clock.monotonic() - startedMs) / 1000);
      return { type: "committed", value, commitTs: result.commitTs };
    } finally {
      this.#room.leave(bytes);
    }
  }

  /**
   * Until nobody holds a hot lock on what this transaction writes: its commit would make the holder
   * run again. False: it has lost and is to run again itself, for it is too late anyway, or it holds
   * hot locks too, and two holders must not wait for each other.
   */
  async #waitForHolders(transaction: EmbeddedTransaction, first: LockTicket): Promise<boolean> {
    const mutations = transaction.mutations();
    for (let holder: LockTicket | null = first; holder !== null; ) {
      if (transaction.isHot || this.#recent.conflicts(mutations, transaction.readTs)) return false;
      await holder.left;
      transaction.checkAge();
      holder = transaction.otherHolder();
    }
    return true;
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await this.#idle();
    this.#isOver = true;
    const { collector, oracle, writer } = this.#parts;
    await collector.stop();
    this.#dropIterators();
    // Without it the old bound stands, which is as good.
    if (!writer.hasFailed) await oracle.close().catch(leaveToWriter);
  }

  /** Waits for the transactions, but not for those that hang: by then they are too old. */
  async #idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#env.clock.timer(transactionAgeMsMax + 1, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
    if (this.#underWay === 0) return;
    this.#env.log.warn("transactions that did not end were not waited for", {
      transactions: this.#underWay,
    });
  }

  #dropIterators(): void {
    this.#points.drop();
    this.#scans.drop();
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw closed();
  }

  #checkNotOver(): void {
    if (this.#isOver) throw closed();
  }

  #checkMoment(at: Timestamp): void {
    if (at < this.#parts.collector.safePoint) {
      throw new StoreError("snapshot-too-old", `versions that only ${at} can see may be gone`);
    }
    if (at > this.#parts.oracle.last) {
      throw new StoreError("snapshot-too-new", `${at} lies ahead of the store's time`);
    }
  }

  /** Where nothing can be committed any more a moment need not be its reader's own. */
  #newView(): View {
    const { writer, oracle } = this.#parts;
    return this.#view(writer.hasFailed ? oracle.last : oracle.next());
  }

  #view(readTs: Timestamp): View {
    const { engine, newest } = this.#parts;
    const sources = {
      clock: this.#env.clock,
      engine,
      newest,
      recent: this.#recent,
      points: this.#points,
      scans: this.#scans,
    };
    return new View(sources, readTs);
  }

  #count<T>(outcome: Outcome<T>): Outcome<T> {
    this.#metrics.transactions.add(1, outcomeLabels[outcome.type]);
    return outcome;
  }
}

function closed(): StoreError {
  return new StoreError("closed", "the store is closed");
}

async function runToEnd<T>(
  fn: (transaction: Transaction) => Promise<T>,
  transaction: EmbeddedTransaction,
): Promise<T> {
  try {
    return await fn(transaction);
  } finally {
    transaction.end();
  }
}

interface StoreMetrics {
  readonly transactions: Counter;
  readonly conflicts: Counter;
  readonly commitSeconds: Histogram;
}

const outcomeLabels = {
  committed: { outcome: "committed" },
  contended: { outcome: "contended" },
  undetermined: { outcome: "undetermined" },
} as const;

function createMetrics({ metrics }: Env): StoreMetrics {
  return {
    transactions: metrics.counter("sampan_store_transactions_total", {
      help: "Transactions that ended, by outcome; those that threw are not among them",
      labels: ["outcome"],
    }),
    conflicts: metrics.counter("sampan_store_conflicts_total", {
      help: "Runs of a transaction that lost to another one",
    }),
    commitSeconds: metrics.histogram("sampan_store_commit_seconds", {
      help: "From the decision to the answer of the disk",
      buckets: [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 1, 4],
    }),
  };
}
