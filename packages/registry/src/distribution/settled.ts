// Reads and writes of the metadata as the handlers do them.

import type { Result } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { Unsettled } from "../meta/index.ts";

export async function reading<T>(store: Store, read: (reader: Reader) => Promise<T>): Promise<T> {
  const snapshot = await store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    snapshot.release();
  }
}

/** How often a write whose outcome nobody knows is asked again before the client is told to. */
const attemptsMax = 3;

export interface Settled<Value, Failure> {
  readonly result: Result<Value, Failure | { readonly code: "contended" }>;
  /** An earlier attempt may have done it: "not there" then means that it was deleted. */
  readonly again: boolean;
}

/**
 * Writes until the outcome is known. All writes of the metadata may be repeated; a repeated one
 * reads again what the undetermined one left, and so finds out. Still undetermined counts as
 * contended: the client is asked to come again, and its request is no less repeatable than ours.
 */
export async function settled<Value, Failure extends { readonly code: string }>(
  write: () => Promise<Result<Value, Failure | Unsettled>>,
): Promise<Settled<Value, Failure>> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const result = await write();
    if (result.ok) return { result, again: attempt > 1 };
    const { error } = result;
    if (!isUndetermined(error)) return { result: { ok: false, error }, again: attempt > 1 };
  }
  return { result: { ok: false, error: { code: "contended" } }, again: true };
}

function isUndetermined<Failure extends { readonly code: string }>(
  error: Failure | Unsettled,
): error is { readonly code: "undetermined" } {
  return error.code === "undetermined";
}
