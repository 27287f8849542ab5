// What every store of transactions must do. A new implementation is finished when this is green:
// call it from its test file.

import { hotLockConformance } from "./conformance/hot-locks.ts";
import { isolationConformance } from "./conformance/isolation.ts";
import { lifeConformance } from "./conformance/life.ts";
import { limitConformance } from "./conformance/limits.ts";
import { readConformance } from "./conformance/reads.ts";
import type { Store } from "./txn.ts";

export interface StoreSubject {
  readonly store: Store;
  /** Lets `ms` pass, as the store sees the time. */
  pass(ms: number): Promise<void>;
}

/**
 * Makes a new, empty store, runs `body` to its end while time passes as it needs, and cleans up.
 */
export type WithStore = (body: (subject: StoreSubject) => Promise<void>) => Promise<void>;

export function storeConformance(name: string, create: WithStore): void {
  readConformance(`${name} reads`, create);
  isolationConformance(`${name} isolation`, create);
  hotLockConformance(`${name} hot locks`, create);
  limitConformance(`${name} limits`, create);
  lifeConformance(`${name} life`, create);
}
