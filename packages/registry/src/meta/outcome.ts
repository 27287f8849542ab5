// What a write answers beside its own outcomes, and how a transaction's outcome becomes it.

import type { Result } from "@sampan/env";
import { err } from "@sampan/env";
import type { Outcome, Store, Timestamp, Transaction } from "@sampan/kv/txn";
import { StoreError } from "@sampan/kv/txn";

/** The store could not settle the write: nothing was written (contended), or nobody knows. */
export type Unsettled = { readonly code: "contended" } | { readonly code: "undetermined" };

/** What a body that is run again may want to know of the earlier runs. */
export interface Attempt {
  /** An earlier run may have been committed: what it would have changed may be changed already. */
  readonly mayBeDone: boolean;
  /** Another won an earlier run: this one had better wait in line (`lock` with `hot`). */
  readonly hot: boolean;
  /** Was the transaction of this time one of ours? Records that keep their birth can be told so. */
  isOurs(startTs: Timestamp): boolean;
}

export type Body<Value, Failure> = (
  transaction: Transaction,
  attempt: Attempt,
) => Promise<Result<Value, Failure>>;

/** An undetermined commit is looked at again at most so often. */
const undeterminedRunsMax = 3;

/**
 * Runs `body` in one transaction until it is settled. After an undetermined commit it is run again:
 * bodies are idempotent, so a run that finds its work done says so, and one that does not does it.
 * A body that answers a failure has written nothing.
 */
export async function settle<Value, Failure>(
  store: Store,
  body: Body<Value, Failure>,
): Promise<Result<Value, Failure | Unsettled>> {
  const ours = new Set<Timestamp>();
  const isOurs = (startTs: Timestamp) => ours.has(startTs);
  let runs = 0;
  for (let undetermined = 0; undetermined < undeterminedRunsMax; undetermined += 1) {
    const mayBeDone = undetermined > 0;
    const outcome = await transactInTime(store, async (transaction) => {
      runs += 1;
      const result = await body(transaction, { mayBeDone, hot: runs > 1, isOurs });
      // Not before: a hot lock must come before anything is asked of the transaction.
      ours.add(transaction.startTs);
      return result;
    });
    if (outcome.type === "committed") return outcome.value;
    if (outcome.type === "contended") {
      return err({ code: mayBeDone ? "undetermined" : "contended" });
    }
  }
  return err({ code: "undetermined" });
}

/**
 * For bodies that are told whose bytes may be deleted: a failure that a run meets after one that
 * may have been committed does not mean that nothing of it was, so it counts as undetermined. What
 * is not, has named nothing.
 */
export function unlessDone<Value, Failure>(
  result: Result<Value, Failure>,
  attempt: Attempt,
): Result<Value, Failure | { readonly code: "undetermined" }> {
  return result.ok || !attempt.mayBeDone ? result : err({ code: "undetermined" });
}

/**
 * A transaction that grew too old before its commit wrote nothing; to the caller that is
 * contention.
 */
async function transactInTime<T>(
  store: Store,
  fn: (transaction: Transaction) => Promise<T>,
): Promise<Outcome<T>> {
  try {
    return await store.transact(fn);
  } catch (error) {
    if (error instanceof StoreError && error.code === "too-old") return { type: "contended" };
    throw error;
  }
}
