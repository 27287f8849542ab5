// One transaction or one look of a client, with all that a store may answer turned into few words.

import {
  type Outcome,
  type Reader,
  type Store,
  StoreError,
  type StoreErrorCode,
  type Timestamp,
} from "@sampan/kv/txn";
import { isDiskError } from "../faults/disk-errors.ts";

export type Attempt<T> =
  | { readonly type: "committed"; readonly value: T; readonly commitTs: Timestamp | null }
  /** Surely not committed; `reason` is the outcome or the code of the error. */
  | { readonly type: "aborted"; readonly reason: string }
  | { readonly type: "unknown" };

export type Look<T> =
  | { readonly type: "seen"; readonly at: Timestamp; readonly value: T }
  /** The code of the error. */
  | { readonly type: "refused"; readonly reason: string };

/** Of the store's own codes those that clients who keep its bounds may meet. */
const refusals: ReadonlySet<StoreErrorCode> = new Set<StoreErrorCode>([
  "too-old",
  "closed",
  "snapshot-too-old",
  "snapshot-too-new",
]);

export async function attempt<T>(run: () => Promise<Outcome<T>>): Promise<Attempt<T>> {
  try {
    const outcome = await run();
    if (outcome.type === "committed") return outcome;
    if (outcome.type === "undetermined") return { type: "unknown" };
    return { type: "aborted", reason: outcome.type };
  } catch (error) {
    return { type: "aborted", reason: refusalOf(error) };
  }
}

/** On a snapshot of its own, of the newest moment or of `at`. */
export async function attemptLook<T>(
  store: Store,
  look: (reader: Reader) => Promise<T>,
  at?: Timestamp,
): Promise<Look<T>> {
  try {
    const snapshot = await store.snapshot(at);
    try {
      return { type: "seen", at: snapshot.startTs, value: await look(snapshot) };
    } finally {
      snapshot.release();
    }
  } catch (error) {
    return { type: "refused", reason: refusalOf(error) };
  }
}

/** Exceptions that nothing in the run explains are the simulation's to report: they go on. */
function refusalOf(error: unknown): string {
  if (isDiskError(error)) return error.code;
  if (error instanceof StoreError && refusals.has(error.code)) return error.code;
  throw error;
}
