// The sequencer moves outbox rows into the dense, hash-chained event log. Many processes may run
// one; a lease lets one of them work (core/sequencing.ts says when another takes over). A row is
// taken and its event written in one transaction, so each becomes an event exactly once. The order
// of the log is the order in which rows were found, and among those found together that of their
// transactions' starts.

import type { Counter, Env } from "@sampan/env";
import { errorMessage, IoError } from "@sampan/env";
import type { Entry, Key, Store, Timestamp, Transaction } from "@sampan/kv/txn";
import { StoreError } from "@sampan/kv/txn";
import type { Floor, Watch } from "../core/sequencing.ts";
import { bottom, decideTurn, fullLookMs, raiseFloor } from "../core/sequencing.ts";
import { outboxRange, sequencerLeaseKey } from "../meta/keys.ts";
import { decodeJson, encodeJson } from "../meta/record-bytes.ts";
import { appendEvents, readHead } from "./log.ts";

export interface SequencerOptions {
  /**
   * Names this process in the lease. Two that run at once must have different names; one that
   * starts again under its old name goes on at once.
   */
  readonly owner: string;
}

export interface Sequencer {
  /**
   * Until the signal is aborted; lets go of the lease then. What the store throws is logged and
   * tried again, a store that was closed ends it.
   */
  run(signal: AbortSignal): Promise<void>;
}

/** How long a row waits at most before it is looked at. */
const pollMs = 250;
const failedWaitMsMax = 30_000;
/** Rows of one transaction: two keys each. */
const rowsMax = 512;
/** And their bytes, well below what one transaction takes. */
const rowBytesMax = 1024 * 1024;

export function createSequencer(
  env: Env,
  deps: { readonly store: Store },
  options: SequencerOptions,
): Sequencer {
  const events = env.metrics.counter("sampan_events_total", {
    help: "Events that this process moved from the outbox into the event log",
  });
  return { run: (signal) => runSequencer({ env, events, ...deps, ...options }, signal) };
}

interface Parts {
  readonly env: Env;
  readonly store: Store;
  readonly owner: string;
  readonly events: Counter;
}

/** What is remembered from turn to turn, in memory only. */
interface Memory {
  watch: Watch | null;
  floor: Floor;
  fullLookAtMs: number;
  /** Rows of the next transaction: fewer when the last one took too long for the store. */
  rows: number;
}

async function runSequencer(parts: Parts, signal: AbortSignal): Promise<void> {
  const { env } = parts;
  const memory: Memory = { watch: null, floor: bottom, fullLookAtMs: 0, rows: rowsMax };
  let failedWaitMs = pollMs;
  while (!signal.aborted) {
    let waitMs = 0;
    try {
      waitMs = (await takeTurn(parts, memory)) ? 0 : pollMs;
      failedWaitMs = pollMs;
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      memory.rows = Math.max(1, memory.rows >> 1);
      env.log.warn("the sequencer's turn failed", { error: errorMessage(error) });
      failedWaitMs = Math.min(failedWaitMs * 2, failedWaitMsMax);
      waitMs = failedWaitMs;
    }
    if (waitMs > 0) await pause(env, waitMs, signal);
  }
  await letGo(parts);
}

/** Resolves early, and does not reject, when the signal is aborted. */
async function pause(env: Env, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await env.clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function isStoreFailure(error: unknown): boolean {
  if (error instanceof StoreError) return error.code !== "closed";
  return error instanceof IoError && error.code !== "closed";
}

/** True when there may be more to do at once. */
async function takeTurn(parts: Parts, memory: Memory): Promise<boolean> {
  const { env, store } = parts;
  const nowMs = env.clock.monotonic();
  if (nowMs >= memory.fullLookAtMs) {
    memory.floor = bottom;
    memory.fullLookAtMs = nowMs + fullLookMs;
  }
  const { floor, watch } = memory;
  const found = await findRows(store, floor.fromTs, memory.rows);
  const given = { owner: parts.owner, keys: found.keys, watch, nowMs };
  const outcome = await store.transact((transaction) => look(transaction, given));
  // Contended or undetermined: another works, or the next look shows what became of it.
  if (outcome.type !== "committed") return false;
  const { taken, areTaken } = outcome.value;
  const exhausted = areTaken && found.isAll;
  memory.watch = outcome.value.watch;
  memory.rows = Math.min(rowsMax, memory.rows * 2);
  if (taken > 0) parts.events.add(taken);
  if (exhausted) memory.floor = raiseFloor(floor, found.startTs, nowMs);
  return taken > 0 && !exhausted;
}

interface Found {
  readonly keys: readonly Key[];
  /** There were no more. */
  readonly isAll: boolean;
  readonly startTs: Timestamp;
}

/**
 * On a snapshot, and not in the transaction that takes the rows: a scan steps over what all rows
 * above the floor have left behind, and on a slow store that takes longer than a transaction lives.
 */
async function findRows(store: Store, fromTs: Timestamp, limit: number): Promise<Found> {
  const snapshot = await store.snapshot();
  try {
    const { startTs } = snapshot;
    const entries = await snapshot.scan(outboxRange(fromTs), { limit, keysOnly: true });
    return { keys: entries.map(({ key }) => key), isAll: entries.length < limit, startTs };
  } finally {
    snapshot.release();
  }
}

interface Looked {
  readonly watch: Watch | null;
  readonly taken: number;
  /** The rows of the keys are taken, by us or by another. */
  readonly areTaken: boolean;
}

async function look(
  transaction: Transaction,
  given: {
    readonly owner: string;
    readonly keys: readonly Key[];
    readonly watch: Watch | null;
    readonly nowMs: number;
  },
): Promise<Looked> {
  const owner = await readOwner(transaction);
  const head = await readHead(transaction);
  const values = await transaction.getMany(given.keys);
  const entries = given.keys.flatMap((key, index) => {
    const value = values[index] ?? null;
    return value === null ? [] : [{ key, value }];
  });
  const rows = entries.length > 0;
  const turn = decideTurn(
    given.owner,
    { owner, seq: head.seq, rows, nowMs: given.nowMs },
    given.watch,
  );
  if (turn.type === "watch") return { watch: turn.watch, taken: 0, areTaken: !rows };
  const page = withinBytes(entries);
  appendEvents(
    transaction,
    head,
    page.map((entry) => entry.value),
  );
  for (const { key } of page) transaction.delete(key);
  if (owner !== given.owner) putOwner(transaction, given.owner);
  return { watch: null, taken: page.length, areTaken: page.length === entries.length };
}

/** As many rows as one transaction may take; at least one. */
function withinBytes(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0;
  const end = entries.findIndex(({ value }, index) => {
    bytes += value.length;
    return index > 0 && bytes > rowBytesMax;
  });
  return end === -1 ? entries : entries.slice(0, end);
}

const leaseVersion = 1;

async function readOwner(transaction: Transaction): Promise<string | null> {
  const value = await transaction.get(sequencerLeaseKey());
  if (value === null) return null;
  return decodeJson<{ readonly owner: string }>(value, leaseVersion).owner;
}

function putOwner(transaction: Transaction, owner: string): void {
  transaction.put(sequencerLeaseKey(), encodeJson(leaseVersion, { owner }));
}

/** So that another goes on at once. When it fails, the other waits for the takeover. */
async function letGo({ env, store, owner }: Parts): Promise<void> {
  try {
    await store.transact(async (transaction) => {
      if ((await readOwner(transaction)) === owner) transaction.delete(sequencerLeaseKey());
    });
  } catch (error) {
    if (!isStoreFailure(error) && !(error instanceof StoreError)) throw error;
    env.log.info("the sequencer's lease was left to its takeover", { error: errorMessage(error) });
  }
}
