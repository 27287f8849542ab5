// One transaction of a client, with all that a store may answer turned into three words.

import { errorCode, IoError } from "@sampan/env";
import { type Outcome, StoreError, type Timestamp } from "@sampan/kv/txn";

export type Attempt<T> =
  | { readonly type: "committed"; readonly value: T; readonly commitTs: Timestamp | null }
  /** Surely not committed; `reason` is the outcome or the code of the error. */
  | { readonly type: "aborted"; readonly reason: string }
  | { readonly type: "unknown" };

/** Exceptions that the contract does not know are the simulation's to report: they go on. */
export async function attempt<T>(run: () => Promise<Outcome<T>>): Promise<Attempt<T>> {
  try {
    const outcome = await run();
    if (outcome.type === "committed") return outcome;
    if (outcome.type === "undetermined") return { type: "unknown" };
    return { type: "aborted", reason: outcome.type };
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof IoError)) throw error;
    return { type: "aborted", reason: errorCode(error) ?? "none" };
  }
}
