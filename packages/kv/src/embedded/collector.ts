// Collects versions that nobody can read any more, behind a safe point that trails the present by
// the retention and never passes a live reader. It walks the write family in slices with pauses
// between, so that what comes in meanwhile waits for one slice at most, and only when enough was
// written since the last time. Its deletes are not synced: what a crash takes back is garbage
// again. The safe point is written before them, so that it is there if any of them is.
//
// Age is measured by this process' monotonic clock: a wall clock that jumps makes nothing old.

import { type Counter, type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import { dataRange, GcScan, type Timestamp } from "../core/index.ts";
import type { Engine } from "../engine/engine.ts";
import { createWriteBatch } from "../engine/write-batch.ts";
import type { EngineWriter } from "./engine-writer.ts";
import type { LiveReaders } from "./live-readers.ts";
import { safePointBatch } from "./local-records.ts";
import { appendModifies } from "./modify-batch.ts";
import { type Milestone, TimestampAges } from "./timestamp-ages.ts";
import type { TimestampOracle } from "./timestamp-oracle.ts";
import { isPending, malformed, walkRows } from "./version-reads.ts";

export interface CollectorParts {
  readonly engine: Engine;
  readonly writer: EngineWriter;
  readonly oracle: TimestampOracle;
  readonly live: LiveReaders;
}

export interface CollectorOptions {
  /** Versions younger than this stay, milliseconds. */
  readonly retentionMs: number;
  /** How often it is asked whether there is enough to collect, milliseconds. */
  readonly intervalMs: number;
}

/** One walk over the store. */
export interface Collection {
  readonly safePoint: Timestamp;
  /** Records of the write family that were looked at. */
  readonly rows: number;
  /** Records of both families that were deleted. */
  readonly removed: number;
  /** False: the collector was stopped under way. */
  readonly isWhole: boolean;
}

/** A slice takes one or two milliseconds. */
export const sliceRows = 1000;
const slicePauseMs = 10;
/**
 * A walk is worth it after so many keys, or a tenth of what the last one walked over, or so many
 * bytes.
 */
export const keysWorthIt = 10_000;
const rowsWorthItFraction = 0.1;
export const bytesWorthIt = 64 * 1024 * 1024;

export class Collector {
  readonly #env: Env;
  readonly #parts: CollectorParts;
  readonly #options: CollectorOptions;
  readonly #ages: TimestampAges;
  #safePoint: Timestamp;
  /** Since the store was opened. */
  #keysWritten = 0;
  #bytesWritten = 0;
  /** As far as the last walk collected; null: no walk yet, and what was there before is unknown. */
  #collected: Milestone | null = null;
  #rowsLast = 0;
  #walking: Promise<Collection> | null = null;
  #isStopped = false;
  readonly #removed: Counter;

  constructor(
    env: Env,
    parts: CollectorParts,
    options: CollectorOptions & { readonly safePoint: Timestamp },
  ) {
    this.#env = env;
    this.#parts = parts;
    this.#options = options;
    this.#safePoint = options.safePoint;
    this.#removed = env.metrics.counter("sampan_store_collected_records_total", {
      help: "Records of old versions that were deleted",
    });
    this.#ages = new TimestampAges(options.retentionMs);
    this.#ages.add(env.clock.monotonic(), this.#milestone());
  }

  /** Reads below it may miss versions. */
  get safePoint(): Timestamp {
    return this.#safePoint;
  }

  noteCommit(keys: number, bytes: number): void {
    this.#keysWritten += keys;
    this.#bytesWritten += bytes;
  }

  /**
   * Collects now and then until the signal, which also ends a walk after its slice. A walk that
   * fails is reported and tried again later; a busy engine is no failure. `beforeLook` is called at
   * each interval.
   */
  async run(signal: AbortSignal, beforeLook: () => void): Promise<void> {
    while (!signal.aborted && !this.#isStopped) {
      try {
        await this.#env.clock.sleep(this.#options.intervalMs, signal);
        if (this.#isStopped) return;
        beforeLook();
        await this.#collectIfWorthIt(signal);
      } catch (error) {
        if (signal.aborted || this.#isStopped) return;
        if (!(error instanceof IoError)) throw error;
        if (errorCode(error) === "busy") continue;
        this.#env.log.error("collecting old versions failed", {
          code: errorCode(error),
          error: errorMessage(error),
        });
      }
    }
  }

  /**
   * Moves the safe point to `target`, or as far as live readers let it, and walks over the store.
   */
  async collect(target: Timestamp, signal: AbortSignal | null): Promise<Collection> {
    // What another walk fails with is told to who asked for it.
    while (this.#walking !== null) await Promise.allSettled([this.#walking]);
    this.#walking = this.#walk(this.#reachable(target), signal);
    try {
      return await this.#walking;
    } finally {
      this.#walking = null;
    }
  }

  /** Ends a walk under way after its slice; what it fails with is told to who asked for it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled([this.#walking]);
  }

  async #collectIfWorthIt(signal: AbortSignal): Promise<void> {
    const nowMs = this.#env.clock.monotonic();
    this.#ages.add(nowMs, this.#milestone());
    const aged = this.#ages.aged(nowMs);
    if (aged === null || this.#parts.writer.hasFailed || !this.#isWorthIt(aged)) return;
    if (this.#reachable(aged.timestamp) <= this.#safePoint) return;
    const { rows, removed, isWhole } = await this.collect(aged.timestamp, signal);
    if (isWhole) this.#collected = aged;
    this.#env.log.debug("old versions collected", { rows, removed });
  }

  #milestone(): Milestone {
    const { last } = this.#parts.oracle;
    return { timestamp: last, keys: this.#keysWritten, bytes: this.#bytesWritten };
  }

  #isWorthIt(aged: Milestone): boolean {
    if (this.#collected === null) return true;
    const keysMin = Math.max(keysWorthIt, this.#rowsLast * rowsWorthItFraction);
    const { keys, bytes } = this.#collected;
    return aged.keys - keys >= keysMin || aged.bytes - bytes >= bytesWorthIt;
  }

  #reachable(target: Timestamp): Timestamp {
    const { live, oracle } = this.#parts;
    const oldest = live.oldestTs(this.#env.clock.monotonic()) ?? oracle.last;
    const reachable = target < oldest ? target : oldest;
    if (reachable < this.#safePoint) return this.#safePoint;
    return reachable;
  }

  async #walk(safePoint: Timestamp, signal: AbortSignal | null): Promise<Collection> {
    const isOver = (): boolean => this.#isStopped || signal?.aborted === true;
    this.#safePoint = safePoint;
    await this.#parts.writer.write(safePointBatch(safePoint), { sync: false });
    const scan = new GcScan(safePoint);
    const { lower } = dataRange(Buffer.alloc(0), null);
    let rows = 0;
    let removed = 0;
    let from: Buffer | null = lower;
    while (from !== null && !isOver()) {
      const slice: Slice = await this.#walkSlice(scan, from);
      rows += slice.rows;
      removed += await this.#remove(scan);
      from = slice.next;
      if (from !== null) await this.#env.clock.sleep(slicePauseMs);
    }
    const isWhole = from === null;
    if (isWhole) this.#rowsLast = rows;
    this.#removed.add(removed);
    return { safePoint, rows, removed, isWhole };
  }

  /** Hands rows from `from` on to the scan. */
  async #walkSlice(scan: GcScan, from: Buffer): Promise<Slice> {
    const { upper } = dataRange(Buffer.alloc(0), null);
    const bounds = { lower: from, upper, reverse: false, snapshot: null };
    const iterator = this.#parts.engine.iterate("write", bounds);
    let rows = 0;
    let next: Buffer | null = null;
    const visit = (): boolean => {
      rows += 1;
      if (scan.step(iterator.key, iterator.value) === "malformed") throw malformed(iterator.key);
      // Where it ends in the middle of a key, readers and crashes come between.
      const isFull = rows >= sliceRows || this.#env.buggify("collector: a slice ends early");
      if (!isFull) return true;
      next = Buffer.concat([iterator.key, Buffer.alloc(1)]);
      return false;
    };
    try {
      const walk = walkRows(iterator, visit);
      if (isPending(walk)) await walk;
    } finally {
      iterator.close();
    }
    if (next === null) scan.end();
    return { rows, next };
  }

  async #remove(scan: GcScan): Promise<number> {
    if (scan.pending === 0) return 0;
    const batch = createWriteBatch();
    appendModifies(batch, scan.take());
    await this.#parts.writer.write(batch, { sync: false });
    return batch.count;
  }
}

interface Slice {
  readonly rows: number;
  /** Where the next one begins; null at the end. */
  readonly next: Buffer | null;
}
