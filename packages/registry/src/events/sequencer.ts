// The sequencer moves outbox rows into the dense, hash-chained event log. Many processes may run one;
// a lease lets one of them work.

import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";

export interface SequencerOptions {
  /** Names this process in the lease; unique, so a UUID is in it. */
  readonly owner: string;
}

export interface Sequencer {
  /** Until the signal is aborted; lets go of the lease then. Throws only what the store throws. */
  run(signal: AbortSignal): Promise<void>;
}

export declare function createSequencer(
  env: Env,
  deps: { readonly store: Store },
  options: SequencerOptions,
): Sequencer;
