// Bank: transfers between accounts, each with a record of its own, and audits that look at all
// accounts in every way the store has. The total never changes; a transfer that was answered is
// there for ever, one that was refused never; a moment once seen looks the same as long as it can
// be looked at.

import type { Reader, Store, Timestamp } from "@sampan/kv/txn";
import { type Bank, checkBankView } from "../checkers/index.ts";
import { attempt, attemptLook } from "./attempt.ts";
import type { Client, StepResult, Workload } from "./workload.ts";

type StoreClient = Client<Store>;

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  state: "open" | "committed" | "aborted";
}

interface Seen {
  readonly at: Timestamp;
  readonly balances: ReadonlyMap<string, number>;
}

const accountsPrefix = "bank/account/";
const transfersPrefix = "bank/transfer/";
const openingBalance = 100;
const seenMax = 20;
const pageRows = 100;

export interface BankOptions {
  readonly accounts: number;
  /** Of ten steps so many are transfers. */
  readonly transfersOfTen: number;
}

export function createBank(options: BankOptions, problem: (text: string) => void): Workload<Store> {
  const accounts = Array.from({ length: options.accounts }, (_, index) => `${index}`);
  const bank = { accounts, total: accounts.length * openingBalance };
  return new BankWorkload(bank, options.transfersOfTen, problem);
}

class BankWorkload implements Workload<Store> {
  readonly name = "bank";
  readonly #bank: Bank;
  readonly #transfersOfTen: number;
  readonly #problem: (text: string) => void;
  readonly #transfers: Transfer[] = [];
  readonly #seen: Seen[] = [];
  #newest: Timestamp = 0n;

  constructor(bank: Bank, transfersOfTen: number, problem: (text: string) => void) {
    this.#bank = bank;
    this.#transfersOfTen = transfersOfTen;
    this.#problem = problem;
  }

  async setUp({ env, target: store }: StoreClient): Promise<void> {
    for (;;) {
      const opened = await attempt(() =>
        store.transact(async (transaction) => {
          const first = await transaction.get(accountKey(this.#bank.accounts[0] ?? ""));
          if (first !== null) return;
          for (const account of this.#bank.accounts) {
            transaction.put(accountKey(account), Buffer.from(`${openingBalance}`));
          }
        }),
      );
      if (opened.type === "committed") return;
      await env.clock.sleep(10);
    }
  }

  async step(client: StoreClient, isQuiet: boolean): Promise<StepResult> {
    const { random } = client.env;
    if (!isQuiet && random.int(10) < this.#transfersOfTen) return this.#transfer(client);
    return random.int(4) > 0 ? this.#audit(client) : this.#lookBack(client);
  }

  async check({ target: store }: StoreClient): Promise<readonly string[]> {
    const snapshot = await store.snapshot();
    const balances = await scanBalances(snapshot, false);
    const recorded = await scanAll(snapshot, transfersPrefix);
    snapshot.release();
    const wrong = [...checkBankView(this.#bank, { by: "the last audit", balances })];
    const expected = new Map(this.#bank.accounts.map((account) => [account, openingBalance]));
    for (const [id, transfer] of this.#transfers.entries()) {
      const { state, from, to, amount } = transfer;
      const isThere = recorded.has(`${id}`);
      if (state === "committed" && !isThere) wrong.push(`transfer ${id} was answered and is gone`);
      if (state === "aborted" && isThere) wrong.push(`transfer ${id} was refused and is there`);
      if (!isThere) continue;
      expected.set(from, (expected.get(from) ?? 0) - amount);
      expected.set(to, (expected.get(to) ?? 0) + amount);
    }
    if (render(expected) !== render(balances)) {
      wrong.push(`the transfers make ${render(expected)}, the accounts have ${render(balances)}`);
    }
    return wrong;
  }

  async #transfer({ env, target: store }: StoreClient): Promise<StepResult> {
    const { random } = env;
    const { accounts } = this.#bank;
    const at = random.int(accounts.length);
    const from = accounts[at] ?? "";
    const to = accounts[(at + 1 + random.int(accounts.length - 1)) % accounts.length] ?? "";
    const transfer: Transfer = { from, to, amount: 1 + random.int(50), state: "open" };
    const id = this.#transfers.push(transfer) - 1;
    const isHot = random.int(8) === 0;
    const newestBefore = this.#newest;
    const done = await attempt(() =>
      store.transact(async (transaction) => {
        if (isHot) await transaction.lock([from, to].map(accountKey), { hot: true });
        const [paid, got] = await transaction.getMany([from, to].map(accountKey));
        const left = balanceOf(paid) - transfer.amount;
        if (left < 0) return "refused";
        // Long records go into the default family.
        const note = Buffer.alloc(random.int(4) === 0 ? 300 : 0, "x");
        transaction.put(accountKey(from), Buffer.from(`${left}`));
        transaction.put(accountKey(to), Buffer.from(`${balanceOf(got) + transfer.amount}`));
        transaction.put(Buffer.from(`${transfersPrefix}${id}`), note);
        return "moved";
      }),
    );
    if (done.type === "unknown") return { operation: "transfer", outcome: "unknown" };
    if (done.type === "committed" && done.commitTs !== null) {
      this.#checkTime(done.commitTs, newestBefore);
    }
    const isMoved = done.type === "committed" && done.value === "moved";
    transfer.state = isMoved ? "committed" : "aborted";
    const outcome = done.type === "committed" ? done.value : done.reason;
    return { operation: "transfer", outcome };
  }

  async #audit(client: StoreClient): Promise<StepResult> {
    const { env, target: store } = client;
    const { random } = env;
    const way = random.int(4);
    const look = (reader: Reader): Promise<Map<string, number>> => {
      if (way === 0) return scanBalances(reader, false);
      return way === 1 ? scanBalances(reader, true) : getBalances(reader, this.#bank);
    };
    const operation = ["scan", "scan back", "get many", "audit in a transaction"][way] ?? "";
    if (way === 3) {
      const done = await attempt(() => store.transact(look));
      if (done.type === "committed") this.#compare(operation, done.value);
      return { operation, outcome: done.type };
    }
    const seen = await this.#snapshotView(client, undefined, look);
    if (typeof seen === "string") return { operation, outcome: seen };
    this.#compare(operation, seen.balances);
    if (this.#seen.push(seen) > seenMax) this.#seen.splice(random.int(seenMax), 1);
    return { operation, outcome: "seen" };
  }

  /** A moment that was seen before, from this life or an earlier one. */
  async #lookBack(client: StoreClient): Promise<StepResult> {
    const operation = "look back";
    const before = this.#seen[client.env.random.int(this.#seen.length + 1)];
    if (before === undefined) return { operation, outcome: "nothing to see" };
    const look = (reader: Reader) => scanBalances(reader, false);
    const seen = await this.#snapshotView(client, before.at, look);
    if (typeof seen === "string") return { operation, outcome: seen };
    if (render(seen.balances) !== render(before.balances)) {
      const then = `${render(before.balances)} at ${before.at}`;
      this.#problem(`bank: there was ${then}, now there was ${render(seen.balances)}`);
    }
    return { operation, outcome: "seen" };
  }

  /** The code of the error when there is no view. */
  async #snapshotView(
    { target: store }: StoreClient,
    at: Timestamp | undefined,
    look: (reader: Reader) => Promise<Map<string, number>>,
  ): Promise<Seen | string> {
    const seen = await attemptLook(store, look, at);
    if (seen.type === "seen") return { at: seen.at, balances: seen.value };
    if (seen.reason === "snapshot-too-new") this.#problem(`bank: time went back before ${at}`);
    return seen.reason;
  }

  /** What begins after an answer commits behind it, whatever the clock on the wall did. */
  #checkTime(commitTs: Timestamp, newestBefore: Timestamp): void {
    if (commitTs <= newestBefore) {
      this.#problem(`bank: a commit at ${commitTs} after one at ${newestBefore}`);
    }
    if (commitTs > this.#newest) this.#newest = commitTs;
  }

  #compare(by: string, balances: ReadonlyMap<string, number>): void {
    for (const wrong of checkBankView(this.#bank, { by, balances }))
      this.#problem(`bank: ${wrong}`);
  }
}

async function getBalances(reader: Reader, bank: Bank): Promise<Map<string, number>> {
  const values = await reader.getMany(bank.accounts.map(accountKey));
  return new Map(bank.accounts.map((name, index) => [name, balanceOf(values[index])]));
}

async function scanBalances(reader: Reader, reverse: boolean): Promise<Map<string, number>> {
  const range = prefixRange(accountsPrefix);
  const entries = await reader.scan(range, { limit: pageRows, reverse });
  return new Map(
    entries.map(({ key, value }) => [
      Buffer.from(key).toString().slice(accountsPrefix.length),
      balanceOf(value),
    ]),
  );
}

/** What stands behind the prefix, of all keys that have it. */
async function scanAll(reader: Reader, prefix: string): Promise<Set<string>> {
  const names = new Set<string>();
  let { start, end } = prefixRange(prefix);
  for (;;) {
    const entries = await reader.scan({ start, end }, { limit: pageRows });
    for (const { key } of entries) names.add(Buffer.from(key).toString().slice(prefix.length));
    const last = entries.at(-1);
    if (last === undefined || entries.length < pageRows) return names;
    start = Buffer.concat([last.key, Buffer.of(0)]);
  }
}

function prefixRange(prefix: string): { start: Buffer; end: Buffer } {
  return { start: Buffer.from(prefix), end: Buffer.from(`${prefix}\xff`) };
}

function accountKey(name: string): Buffer {
  return Buffer.from(`${accountsPrefix}${name}`);
}

function balanceOf(value: Uint8Array | null | undefined): number {
  return value == null ? Number.NaN : Number(Buffer.from(value).toString());
}

function render(balances: ReadonlyMap<string, number>): string {
  const sorted = [...balances].sort(([a], [b]) => Number(a) - Number(b));
  return sorted.map(([name, balance]) => `${name}:${balance}`).join(" ");
}
