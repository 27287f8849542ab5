// List-append: transactions of reads and appends over a few lists. The history of what clients saw
// goes to the checker of snapshot isolation, with real time: the store promises to show what was
// answered.

import type { Reader, Store, Transaction } from "@sampan/kv/txn";
import {
  checkSnapshotIsolation,
  type HistoryTransaction,
  type ListOperation,
} from "../checkers/index.ts";
import { attempt, attemptLook } from "./attempt.ts";
import type { Client, StepResult, Workload } from "./workload.ts";

type StoreClient = Client<Store>;

export interface ListAppendOptions {
  readonly keys: number;
  readonly operationsMax: number;
  /** Of ten operations so many append. */
  readonly appendsOfTen: number;
}

export function createListAppend(options: ListAppendOptions): Workload<Store> {
  return new ListAppend(options);
}

const appendsPerKey = 60;

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
type Step = { readonly key: string; readonly isAppend: boolean };

class ListAppend implements Workload<Store> {
  readonly name = "list-append";
  readonly #options: ListAppendOptions;
  readonly #history: Mutable<HistoryTransaction>[] = [];
  #moment = 0;
  #value = 0;

  constructor(options: ListAppendOptions) {
    this.#options = options;
  }

  async setUp(): Promise<void> {}

  async step(client: StoreClient, isQuiet: boolean): Promise<StepResult> {
    const { env, target: store } = client;
    const drawn = this.#drawSteps(env.random.int(this.#options.operationsMax) + 1, env);
    const steps = isQuiet ? drawn.map(({ key }) => ({ key, isAppend: false })) : drawn;
    const isReading = steps.every(({ isAppend }) => !isAppend);
    if (isReading && env.random.int(2) === 0) return this.#readSnapshot(client, steps);
    let record = this.#begin();
    const done = await attempt(() =>
      store.transact(async (transaction) => {
        // An earlier run of this function that wrote and was not committed must be seen by nobody.
        if (record.operations.length > 0) record = this.#beginAgain(record);
        for (const step of steps) {
          record.operations = [...record.operations, ...(await this.#play(transaction, step))];
        }
      }),
    );
    this.#end(record, done.type);
    const outcome = done.type === "aborted" ? done.reason : done.type;
    return { operation: isReading ? "read" : "append", outcome };
  }

  async check(client: StoreClient): Promise<readonly string[]> {
    const steps = this.#keys().map((key) => ({ key, isAppend: false }));
    const { outcome } = await this.#readSnapshot(client, steps);
    const unread = outcome === "committed" ? [] : [`list-append: the last read ended ${outcome}`];
    const found = checkSnapshotIsolation(this.#history, { realTime: true });
    return [...unread, ...found.map(({ description }) => `list-append: ${description}`)];
  }

  /** New ones now and then, so that the lists stay short enough to be read and checked quickly. */
  #keys(): string[] {
    const generation = Math.floor(this.#value / (this.#options.keys * appendsPerKey));
    const names = Array.from({ length: this.#options.keys }, (_, index) => index);
    return names.map((index) => `${generation}.${index}`);
  }

  #drawSteps(count: number, { random }: StoreClient["env"]): Step[] {
    return Array.from({ length: count }, () => ({
      key: this.#keys()[random.int(this.#options.keys)] ?? "",
      isAppend: random.int(10) < this.#options.appendsOfTen,
    }));
  }

  async #readSnapshot({ target: store }: StoreClient, steps: readonly Step[]): Promise<StepResult> {
    const record = this.#begin();
    const seen = await attemptLook(store, async (reader) => {
      const lists = await Promise.all(steps.map(({ key }) => readList(reader, key)));
      record.operations = steps.map(({ key }, index) => ({
        type: "read",
        key,
        values: lists[index] ?? [],
      }));
    });
    this.#end(record, seen.type === "seen" ? "committed" : "aborted");
    const outcome = seen.type === "seen" ? "committed" : seen.reason;
    return { operation: "read a snapshot", outcome };
  }

  async #play(transaction: Transaction, { key, isAppend }: Step): Promise<ListOperation[]> {
    const values = await readList(transaction, key);
    const read: ListOperation = { type: "read", key, values };
    if (!isAppend) return [read];
    this.#value += 1;
    const value = this.#value;
    transaction.put(listKey(key), Buffer.from([...values, value].join(",")));
    return [read, { type: "append", key, value }];
  }

  #begin(): Mutable<HistoryTransaction> {
    return this.#record(this.#tick());
  }

  #beginAgain(before: Mutable<HistoryTransaction>): Mutable<HistoryTransaction> {
    this.#end(before, "aborted");
    return this.#record(before.beganAt);
  }

  #record(beganAt: number): Mutable<HistoryTransaction> {
    const record: Mutable<HistoryTransaction> = {
      id: this.#history.length,
      outcome: "unknown",
      operations: [],
      beganAt,
      endedAt: null,
    };
    this.#history.push(record);
    return record;
  }

  #end(record: Mutable<HistoryTransaction>, outcome: HistoryTransaction["outcome"]): void {
    record.outcome = outcome;
    record.endedAt = this.#tick();
  }

  #tick(): number {
    this.#moment += 1;
    return this.#moment;
  }
}

async function readList(reader: Reader, key: string): Promise<number[]> {
  const value = await reader.get(listKey(key));
  if (value === null || value.length === 0) return [];
  return Buffer.from(value).toString().split(",").map(Number);
}

function listKey(key: string): Buffer {
  return Buffer.from(`list/${key}`);
}
