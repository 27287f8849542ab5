// The strict twin: wraps any store of transactions and does, by chance, what a cluster may do to
// its callers and an embedded store hardly ever does. Code that holds on it holds on a cluster.
//
// It also fails (assert) on what no store can forgive: bytes that change after they were handed in,
// reads still under way when fn ends, a transaction or snapshot inside a transaction's fn (an
// effect that a second run repeats, a moment that is not the transaction's), snapshots never
// released.

import { AsyncLocalStorage } from "node:async_hooks";
import { assert, type Env } from "@sampan/env";
import { StrictTransaction, strictSnapshot } from "./strict-transaction.ts";
import {
  attemptsMax,
  type Outcome,
  type Snapshot,
  type Store,
  StoreError,
  type Timestamp,
  type Transaction,
} from "./txn.ts";

/** Rates are fractions, 0 to 1: of transactions, runs of `fn`, snapshots or reads. */
export interface StrictRates {
  /** `fn` has run and its writes are dropped, as if another had won; then it runs again. */
  readonly conflict: number;
  /** The transaction loses until its tries are used up. */
  readonly contended: number;
  /** The transaction has outlived its time when it would commit. */
  readonly tooOld: number;
  /** A snapshot of an older moment is refused. */
  readonly snapshotTooOld: number;
  /**
   * The outcome is undetermined: it was committed, or was not, or is a little later if it still
   * can.
   */
  readonly undetermined: number;
  /** A read meets another's lock and waits for it. */
  readonly lockedRead: number;
  /** The longest such wait, milliseconds. */
  readonly lockedReadMsMax: number;
  /** How long after an undetermined outcome a late commit may come, milliseconds. */
  readonly lateCommitMsMax: number;
}

/** Nothing is injected; misuse is still found. */
export const strictCalm: StrictRates = {
  conflict: 0,
  contended: 0,
  tooOld: 0,
  snapshotTooOld: 0,
  undetermined: 0,
  lockedRead: 0,
  lockedReadMsMax: 0,
  lateCommitMsMax: 0,
};

/** Everything at once, and far more often than any cluster. */
export const strictStorm: StrictRates = {
  conflict: 0.2,
  contended: 0.02,
  tooOld: 0.01,
  snapshotTooOld: 0.05,
  undetermined: 0.05,
  lockedRead: 0.05,
  lockedReadMsMax: 200,
  lateCommitMsMax: 500,
};

/** Chance comes from `env.random`. Closing the twin closes the inner store. */
export function createStrictStore(env: Env, inner: Store, rates: StrictRates): Store {
  return new StrictStore(env, inner, rates);
}

/** What becomes of one run of `fn`. */
type Fate = "commit" | "conflict" | "too-old" | "hidden-commit" | "hidden-drop" | "late-commit";

/** Goes through the inner store so that it rolls back, and never further. */
class Dropped {
  readonly outcome: "again" | "contended" | "undetermined";

  constructor(outcome: Dropped["outcome"]) {
    this.outcome = outcome;
  }
}

/** One call of `transact`, over all runs of its `fn`. */
interface Call<T> {
  readonly fn: (transaction: Transaction) => Promise<T>;
  /** It is to lose every time. */
  readonly isDoomed: boolean;
  runs: number;
  fate: Fate;
}

/**
 * The twins whose `fn` runs here. One for all twins of the thread, against the rule that a module
 * makes nothing: Node keeps every instance for good and asks each of them at every promise, so that
 * a run with a twin in every life would get slower with each. It holds no state of its own: what is
 * in it ends with the call of `fn`.
 */
const insideFn = new AsyncLocalStorage<ReadonlySet<StrictStore>>();

class StrictStore implements Store {
  readonly #env: Env;
  readonly #inner: Store;
  readonly #rates: StrictRates;
  #snapshotsOpen = 0;

  constructor(env: Env, inner: Store, rates: StrictRates) {
    this.#env = env;
    this.#inner = inner;
    this.#rates = rates;
  }

  async transact<T>(fn: (transaction: Transaction) => Promise<T>): Promise<Outcome<T>> {
    this.#checkOutsideFn();
    const isDoomed = this.#draw(this.#rates.contended);
    const call: Call<T> = { fn, isDoomed, runs: 0, fate: "commit" };
    for (;;) {
      const outcome = await this.#attempt(call);
      if (outcome.type !== "again") return outcome;
      if (call.runs === attemptsMax) return { type: "contended" };
    }
  }

  async snapshot(at?: Timestamp): Promise<Snapshot> {
    this.#checkOutsideFn();
    const inner = await this.#inner.snapshot(at);
    if (at !== undefined && this.#draw(this.#rates.snapshotTooOld)) {
      inner.release();
      throw new StoreError("snapshot-too-old", "injected: the versions may be gone already");
    }
    this.#snapshotsOpen += 1;
    const onRelease = (): void => {
      this.#snapshotsOpen -= 1;
    };
    return strictSnapshot(inner, () => this.#meetLock(), onRelease);
  }

  async close(): Promise<void> {
    await this.#inner.close();
    assert(this.#snapshotsOpen === 0, `${this.#snapshotsOpen} snapshots were not released`);
  }

  /** One transaction of the inner store, which may run `fn` several times. */
  async #attempt<T>(call: Call<T>): Promise<Outcome<T> | { readonly type: "again" }> {
    try {
      return await this.#untilAnswered(call);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      return { type: error.outcome };
    }
  }

  /** The inner outcome as the caller may know it; a late commit goes on after the answer. */
  #untilAnswered<T>(call: Call<T>): Promise<Outcome<T>> {
    return new Promise((resolve, reject) => {
      const transacting = this.#inner.transact((inner) =>
        this.#run(call, inner, () => resolve({ type: "undetermined" })),
      );
      transacting.then((outcome) => {
        const isHidden = call.fate === "hidden-commit" && outcome.type === "committed";
        resolve(isHidden ? { type: "undetermined" } : outcome);
      }, reject);
    });
  }

  async #run<T>(call: Call<T>, inner: Transaction, answer: () => void): Promise<T> {
    if (call.fate === "late-commit") throw new Dropped("undetermined");
    if (call.runs === attemptsMax) throw new Dropped("contended");
    call.runs += 1;
    const transaction = new StrictTransaction(inner, () => this.#meetLock());
    const inside = new Set(insideFn.getStore()).add(this);
    const value = await insideFn.run(inside, () => runToEnd(call.fn, transaction));
    call.fate = this.#drawFate(call.isDoomed, transaction.hasWritten);
    switch (call.fate) {
      case "conflict":
        throw new Dropped("again");
      case "hidden-drop":
        throw new Dropped("undetermined");
      case "too-old":
        throw new StoreError("too-old", "injected: the transaction outlived its time");
      case "late-commit":
        answer();
        await this.#env.clock.sleep(this.#env.random.fraction() * this.#rates.lateCommitMsMax);
        return value;
      default:
        return value;
    }
  }

  /** Without writes there is no commit that could lose. */
  #drawFate(isDoomed: boolean, hasWritten: boolean): Fate {
    const { conflict, tooOld, undetermined } = this.#rates;
    if (this.#draw(tooOld)) return "too-old";
    if (!hasWritten) return "commit";
    if (isDoomed || this.#draw(conflict)) return "conflict";
    if (!this.#draw(undetermined)) return "commit";
    return hiddenFates[this.#env.random.int(hiddenFates.length)] ?? "hidden-drop";
  }

  async #meetLock(): Promise<void> {
    if (!this.#draw(this.#rates.lockedRead)) return;
    await this.#env.clock.sleep(this.#env.random.fraction() * this.#rates.lockedReadMsMax);
  }

  /** A rate of zero draws nothing, so that a calm twin changes no seeded run. */
  #draw(rate: number): boolean {
    return rate > 0 && this.#env.random.fraction() < rate;
  }

  #checkOutsideFn(): void {
    const isInside = insideFn.getStore()?.has(this) ?? false;
    assert(!isInside, "the store was used inside a transaction's fn");
  }
}

const hiddenFates = ["hidden-commit", "hidden-drop", "late-commit"] as const satisfies Fate[];

async function runToEnd<T>(
  fn: (transaction: Transaction) => Promise<T>,
  transaction: StrictTransaction,
): Promise<T> {
  let value: T;
  try {
    value = await fn(transaction);
  } finally {
    transaction.end();
  }
  transaction.checkEnd();
  return value;
}
