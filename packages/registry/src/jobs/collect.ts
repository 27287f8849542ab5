// The collector: frees what nothing refers to any more, while pushes go on. It works through what
// transactions have noted (meta/collection-records.ts) and never passes over everything:
//
//   freed      references were taken away       first look at once
//   linked     a blob came, or was mounted      first look when the grace time is over
//   condemned  by a first look                  second look when the grace time is over
//
// Any number of processes may collect: they conflict, and one of them wins.

import { type Counter, type Env, errorMessage, IoError } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import { StoreError, transactionAgeMsMax } from "@sampan/kv/txn";
import type { BlobStore } from "../blobs/blobs.ts";
import { isRipe } from "../core/collection.ts";
import { CollectionAgenda } from "../core/collection-agenda.ts";
import {
  condemnUnneeded,
  deleteCondemned,
  itemsTogetherMax,
  listWork,
  listWorkKeys,
  readWork,
  type WorkRow,
} from "../meta/index.ts";
import { Disposal } from "./disposal.ts";

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
/** Until rows that lost to others are tried again; the others have their turn before. */
const unsettledMs = 1_000;
/** Rows that are decoded at once: one of a large manifest has thousands of items. */
const rowsPage = 64;
/** Pages of one stage in one round. */
const pagesMax = 8;
/** Rows of one transaction; their items are bounded too. */
const rowsTogetherMax = 32;
/** Keys of condemned rows that are listed at once, and that are watched; more wait their turn. */
const keysPage = 4_096;
const watchedMax = 200_000;
/** Rows of one round, so that each stage has its turn. */
const dueMax = 512;
/** Between two rounds, and between two transactions at least. */
const breathMs = 1;
/**
 * Between two transactions, as a share of what the last one took: nearly half the time is the requests'
 * own. But not longer than one takes by itself: what went beyond that was theirs already.
 */
const pauseShare = 0.75;
const pauseMsMax = 10;

export function createCollector(
  env: Env,
  deps: { readonly store: Store; readonly blobs: BlobStore },
  options: CollectorOptions,
): Collector {
  return new QueueCollector(env, deps, Math.max(options.graceMs, graceMsMin));
}

interface SeenRow {
  /** First seen, monotonic milliseconds. */
  readonly sinceMs: number;
  /** When to read it, monotonic milliseconds. */
  dueMs: number;
}

class QueueCollector implements Collector {
  readonly #env: Env;
  readonly #store: Store;
  readonly #disposal: Disposal;
  readonly #graceMs: number;
  readonly #deleted: Counter;
  readonly #freedBytes: Counter;
  readonly #agendas = { freed: new CollectionAgenda(), linked: new CollectionAgenda() };
  /** Condemned rows, by their keys. */
  #seen = new Map<string, SeenRow>();
  #watchedMs = Number.NEGATIVE_INFINITY;
  /** Of the next transaction: fewer when the last one took too long for the store. */
  #itemsMax = itemsTogetherMax;

  constructor(
    env: Env,
    deps: { readonly store: Store; readonly blobs: BlobStore },
    graceMs: number,
  ) {
    this.#env = env;
    this.#store = deps.store;
    this.#disposal = new Disposal(env.clock, deps.blobs);
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

  /** Reads what may be due, wherever it is in the queue; a bounded part of it at once. */
  async #firstLooks(stage: "freed" | "linked", signal: AbortSignal): Promise<boolean> {
    const agenda = this.#agendas[stage];
    const { clock } = this.#env;
    // What was freed is due at once, whatever the clock said of who noted it.
    const sort = (rows: WorkRow[]): Sorted =>
      stage === "freed"
        ? { due: rows, waitMs: Number.POSITIVE_INFINITY }
        : sortRows(rows, clock.now(), this.#graceMs);
    let index = agenda.next(0, clock.monotonic());
    let rowsDue = 0;
    for (let pages = 0; index !== null && pages < pagesMax && !signal.aborted; pages += 1) {
      const page = { ...agenda.stretch(index), limit: rowsPage };
      const rows = await this.#read((reader) => listWork(reader, stage, page));
      const { due, waitMs } = sort(rows);
      const areSettled = await this.#inTransactions(due, signal, async (group) => {
        const look = { nowMs: clock.now(), itemsMax: this.#itemsMax };
        return (await condemnUnneeded(this.#store, group, look)).ok;
      });
      rowsDue += due.length;
      const through = rows.length < rowsPage ? null : (rows.at(-1)?.key ?? null);
      // Soon again when there was something: of a large row there may be a rest.
      const againMs = due.length === 0 ? waitMs : areSettled ? 0 : Math.min(waitMs, unsettledMs);
      const dueMs = clock.monotonic() + againMs;
      index = agenda.next(agenda.note(index, { through, dueMs }), clock.monotonic());
    }
    // Where pages ran out, though nothing in them was due, the rest is looked at without a pause.
    return rowsDue > 0 || index !== null;
  }

  async #secondLooks(signal: AbortSignal): Promise<boolean> {
    await this.#watch(signal);
    const before = this.#env.clock.monotonic();
    const keys = this.#ripeKeys();
    let [bytes, rowsDue] = [0, 0];
    try {
      for (let from = 0; from < keys.length && !signal.aborted; from += rowsPage) {
        const page = keys.slice(from, from + rowsPage);
        const rows = await this.#read((reader) => readWork(reader, "condemned", page));
        const { due } = sortRows(rows, this.#env.clock.now(), this.#graceMs);
        this.#rememberDue(page, rows);
        rowsDue += due.length;
        await this.#inTransactions(due, signal, async (group) => {
          const isWhole = itemsOf(group) <= this.#itemsMax;
          const freed = await this.#delete(group, signal);
          if (freed !== null && isWhole) {
            for (const { key } of group) this.#seen.delete(nameOf(key));
          }
          bytes += freed ?? 0;
          return freed !== null;
        });
      }
    } finally {
      await this.#disposal.settled(signal);
      if (bytes > 0) {
        const ms = Math.round(this.#env.clock.monotonic() - before);
        this.#env.log.info("freed what nothing refers to", { bytes, ms });
      }
    }
    return rowsDue > 0;
  }

  /** Of condemned rows that were seen long enough ago, and are not known to be due later. */
  #ripeKeys(): Buffer[] {
    const nowMs = this.#env.clock.monotonic();
    const keys: Buffer[] = [];
    for (const [name, { sinceMs, dueMs }] of this.#seen) {
      if (nowMs - sinceMs < seenMsMin || nowMs < dueMs) continue;
      keys.push(Buffer.from(name, "latin1"));
      if (keys.length === dueMax) break;
    }
    return keys;
  }

  /** So that a row is read once, and again when it is due; one that is gone is forgotten. */
  #rememberDue(keys: readonly Uint8Array[], rows: readonly WorkRow[]): void {
    const found = new Map(rows.map((row) => [nameOf(row.key), row]));
    for (const name of keys.map(nameOf)) {
      const [seen, row] = [this.#seen.get(name), found.get(name)];
      if (row === undefined) this.#seen.delete(name);
      else if (seen !== undefined) seen.dueMs = this.#env.clock.monotonic() + this.#waitOf(row);
    }
  }

  /** A row that is due now is tried again soon if it loses, and the others have their turn before. */
  #waitOf(row: WorkRow): number {
    const { due, waitMs } = sortRows([row], this.#env.clock.now(), this.#graceMs);
    if (due.length === 0) return waitMs;
    return row.items.length > this.#itemsMax ? 0 : unsettledMs;
  }

  /** The bytes that were freed; null when the rows could not be settled. */
  async #delete(rows: readonly WorkRow[], signal: AbortSignal): Promise<number | null> {
    const settled = await deleteCondemned(this.#store, rows, this.#itemsMax);
    if (!settled.ok) return null;
    const { links, blobs, contents, bytes, locations } = settled.value;
    this.#deleted.add(links + blobs + contents);
    this.#freedBytes.add(bytes);
    await this.#disposal.add(locations, signal);
    return bytes;
  }

  /** Remembers since when condemned rows are seen; now and then, for there may be many. */
  async #watch(signal: AbortSignal): Promise<void> {
    const nowMs = this.#env.clock.monotonic();
    if (nowMs - this.#watchedMs < idleMs) return;
    this.#watchedMs = nowMs;
    const seen = new Map<string, SeenRow>();
    let after: Uint8Array | null = null;
    while (!signal.aborted && seen.size < watchedMax) {
      const page: { readonly after: Uint8Array | null; readonly limit: number } = {
        after,
        limit: keysPage,
      };
      const keys: Uint8Array[] = await this.#read((reader) =>
        listWorkKeys(reader, "condemned", page),
      );
      for (const name of keys.map(nameOf)) {
        seen.set(name, this.#seen.get(name) ?? { sinceMs: nowMs, dueMs: nowMs });
      }
      after = keys.at(-1) ?? null;
      if (keys.length < keysPage) break;
    }
    this.#seen = seen;
  }

  async #read<T>(look: (reader: Reader) => Promise<T>): Promise<T> {
    const snapshot = await this.#store.snapshot();
    try {
      return await look(snapshot);
    } finally {
      snapshot.release();
    }
  }

  /** What could not be settled waits, and is tried with fewer items; false: there is such. */
  async #inTransactions(
    rows: readonly WorkRow[],
    signal: AbortSignal,
    settle: (rows: readonly WorkRow[]) => Promise<boolean>,
  ): Promise<boolean> {
    let areSettled = true;
    for (const group of groupsOf(rows, this.#itemsMax)) {
      if (signal.aborted) return false;
      const before = this.#env.clock.monotonic();
      const isSettled = await settle(group);
      const tookMs = this.#env.clock.monotonic() - before;
      areSettled &&= isSettled;
      this.#itemsMax = isSettled
        ? Math.min(itemsTogetherMax, this.#itemsMax * 2)
        : Math.max(1, this.#itemsMax >> 1);
      const pauseMs = Math.max(breathMs, Math.min(tookMs * pauseShare, pauseMsMax));
      await this.#env.clock.sleep(pauseMs, signal).catch(() => undefined);
    }
    return areSettled;
  }
}

interface Sorted {
  /** The rows that have waited long enough. */
  readonly due: readonly WorkRow[];
  /** Until the first of the others will have, milliseconds; Infinity: no row waits. */
  readonly waitMs: number;
}

/**
 * None waits longer than the grace time: a clock may be set right, and a row that is committed late
 * is to be found when it is due.
 */
function sortRows(rows: readonly WorkRow[], nowMs: number, graceMs: number): Sorted {
  const due: WorkRow[] = [];
  let waitMs = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (isRipe(row.atMs, nowMs, graceMs)) due.push(row);
    else waitMs = Math.min(waitMs, row.atMs + graceMs - nowMs, graceMs);
  }
  return { due, waitMs };
}

/** Neither too many rows nor too many items at once; a row of more items is a group of its own. */
function groupsOf(rows: readonly WorkRow[], itemsMax: number): WorkRow[][] {
  const groups: WorkRow[][] = [];
  let items = 0;
  for (const row of rows) {
    const group = groups.at(-1);
    items += row.items.length;
    if (group !== undefined && group.length < rowsTogetherMax && items <= itemsMax) group.push(row);
    else {
      groups.push([row]);
      items = row.items.length;
    }
  }
  return groups;
}

function itemsOf(rows: readonly WorkRow[]): number {
  return rows.reduce((sum, { items }) => sum + items.length, 0);
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

function isStoreFailure(error: unknown): boolean {
  if (error instanceof StoreError) return error.code !== "closed";
  return error instanceof IoError && error.code !== "closed";
}
