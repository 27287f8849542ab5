// The suite's tests speak in short strings; stores speak in bytes. And the small moves they share.

import assert from "node:assert/strict";
import {
  type Outcome,
  type Range,
  type Reader,
  type Store,
  StoreError,
  type StoreErrorCode,
  type Timestamp,
  type Transaction,
} from "../txn.ts";

export function key(text: string): Uint8Array {
  return Buffer.from(text);
}

export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}

/** From `a` up to `b`: `a..b`; without an end: `a..`. */
export function range(bounds: string): Range {
  const [start = "", end = ""] = bounds.split("..");
  return { start: key(start), end: end === "" ? null : key(end) };
}

export async function get(reader: Reader, name: string): Promise<string | null> {
  return text(await reader.get(key(name)));
}

/** Entries as `key=value`, in the order of the answer. */
export async function scan(
  reader: Reader,
  bounds: string,
  options: {
    readonly limit?: number;
    readonly reverse?: boolean;
    readonly keysOnly?: boolean;
  } = {},
): Promise<string> {
  const entries = await reader.scan(range(bounds), { limit: 100, ...options });
  return entries.map((entry) => `${text(entry.key)}=${text(entry.value)}`).join(" ");
}

/** Writes `key=value` pairs; `key` alone is a deletion. */
export function write(transaction: Transaction, pairs: string): void {
  for (const pair of pairs.split(" ")) {
    const [name = "", value] = pair.split("=");
    if (value === undefined) transaction.delete(key(name));
    else transaction.put(key(name), key(value));
  }
}

/** Commits the pairs of `write` in a transaction of their own. */
export async function commit(store: Store, pairs: string): Promise<Timestamp> {
  const outcome = await store.transact(async (transaction) => write(transaction, pairs));
  const { commitTs } = committed(outcome);
  assert.notEqual(commitTs, null);
  return commitTs ?? 0n;
}

/** Adds one to `n`; answers the sum. */
export async function increment(transaction: Transaction): Promise<number> {
  const next = Number(await get(transaction, "n")) + 1;
  write(transaction, `n=${next}`);
  return next;
}

export function committed<T>(outcome: Outcome<T>): Extract<Outcome<T>, { type: "committed" }> {
  if (outcome.type !== "committed") assert.fail(`the outcome was ${outcome.type}`);
  return outcome;
}

/** All of the store, now. */
export async function contents(store: Store): Promise<string> {
  const snapshot = await store.snapshot();
  try {
    return await scan(snapshot, "..");
  } finally {
    snapshot.release();
  }
}

export async function rejectsWith(code: StoreErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => isStoreError(error, code));
}

export function throwsWith(code: StoreErrorCode, work: () => void): void {
  assert.throws(work, (error) => isStoreError(error, code));
}

function isStoreError(error: unknown, code: StoreErrorCode): boolean {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.code, code);
  return true;
}

export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** Holds one side of a race until the other has done its part. */
export function createGate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * Runs `first` up to its end, then `other`, and only then lets `first` commit; so on each of its
 * first `rounds` runs. Later ones go undisturbed. `other` runs outside of the transaction's fn.
 */
export async function raceRounds(
  store: Store,
  rounds: number,
  race: Race,
): Promise<{ readonly outcome: Outcome<void>; readonly runs: number }> {
  const gates = Array.from({ length: rounds }, () => ({
    reached: createGate(),
    released: createGate(),
  }));
  let runs = 0;
  const racing = store.transact(async (transaction) => {
    const gate = gates[runs];
    runs += 1;
    await race.first(transaction);
    gate?.reached.open();
    await gate?.released.opened;
  });
  for (const { reached, released } of gates) {
    await Promise.race([reached.opened, racing]);
    try {
      await race.other();
    } finally {
      released.open();
    }
  }
  return { outcome: await racing, runs };
}

export interface Race {
  first(transaction: Transaction): Promise<void>;
  other(): Promise<unknown>;
}

/** One round, after which `first` has to commit. Answers how often it ran. */
export async function race(
  store: Store,
  first: Race["first"],
  other: Race["other"],
): Promise<number> {
  const { outcome, runs } = await raceRounds(store, 1, { first, other });
  committed(outcome);
  return runs;
}
