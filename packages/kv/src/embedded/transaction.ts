// A transaction of the embedded store before its commit: reads a view with its own writes laid
// over it.

import { type Clock, type Timer, unreachable } from "@sampan/env";
import type { Timestamp } from "../core/index.ts";
import { checkKey, checkReadKeys, checkScan } from "../txn/limits.ts";
import {
  type Entry,
  type Key,
  type Range,
  type ScanOptions,
  StoreError,
  type Transaction,
  transactionAgeMsMax,
} from "../txn/txn.ts";
import { keyName, type Mutation, WriteBuffer } from "../txn/write-buffer.ts";
import type { LiveReader, LiveReaders } from "./live-readers.ts";
import type { LockQueue, LockTicket } from "./lock-queue.ts";
import type { View } from "./view.ts";

export interface TransactionParts {
  readonly clock: Clock;
  readonly live: LiveReaders;
  readonly hotLocks: LockQueue;
  /** A view of this moment, at a timestamp that no other has. */
  newView(): View;
}

type State =
  /** Nothing was asked of it yet. */
  | "fresh"
  /** In line for its hot locks: what it reads will be newer than that. */
  | "in-line"
  | "in-use"
  | "ended";

/** When the transaction started, and until when it may live. */
interface Start extends LiveReader {
  readonly view: View;
}

/** What a key's records take beside the key and the value, about. */
const recordBytes = 100;

// hot path
export class EmbeddedTransaction implements Transaction {
  readonly #parts: TransactionParts;
  readonly #writes = new WriteBuffer();
  #start: Start;
  #state: State = "fresh";
  #ticket: LockTicket | null = null;
  #timer: Timer | null = null;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.#start = startNow(parts);
  }

  get startTs(): Timestamp {
    this.#use();
    return this.#start.startTs;
  }

  async get(key: Key): Promise<Uint8Array | null> {
    this.#use();
    checkKey(key);
    const own = this.#writes.get(key);
    if (own === null) return this.#start.view.get(key);
    return own.type === "put" ? own.value : null;
  }

  async getMany(keys: readonly Key[]): Promise<(Uint8Array | null)[]> {
    this.#use();
    checkReadKeys(keys);
    if (this.#writes.count === 0) return this.#start.view.getMany(keys);
    const own = keys.map((key) => this.#writes.get(key));
    const stored = await this.#start.view.getMany(keys.filter((_, index) => own[index] === null));
    let next = 0;
    return own.map((mutation) => {
      if (mutation === null) return stored[next++] ?? null;
      return mutation.type === "put" ? mutation.value : null;
    });
  }

  async scan(range: Range, options: ScanOptions): Promise<Entry[]> {
    this.#use();
    checkScan(range, options);
    if (this.#writes.count === 0) return this.#start.view.scan(range, options);
    const limit = this.#writes.storeLimit(range, options.limit);
    const stored = await this.#start.view.scan(range, { ...options, limit });
    return this.#writes.overlay(stored, range, options);
  }

  put(key: Key, value: Uint8Array): void {
    this.#use();
    this.#writes.put(key, value);
  }

  delete(key: Key): void {
    this.#use();
    this.#writes.delete(key);
  }

  async lock(keys: readonly Key[], options: { readonly hot?: boolean } = {}): Promise<void> {
    const isFresh = this.#state === "fresh";
    this.#use();
    if (options.hot === true) {
      if (!isFresh) throw new StoreError("order", "a hot lock must come before anything else");
      for (const key of keys) checkKey(key);
      await this.#waitInLine(keys);
    }
    for (const key of keys) this.#writes.lock(key);
  }

  /** `fn` is over; nothing more is read or written. */
  end(): void {
    this.#state = "ended";
  }

  /** What is to be committed, rising by key. Fails with `too-old`. */
  mutations(): readonly Mutation[] {
    const mutations = this.#writes.sorted();
    if (mutations.length > 0) this.checkAge();
    return mutations;
  }

  /** Holds hot locks, or did until its time was over. */
  get isHot(): boolean {
    return this.#ticket !== null;
  }

  /** Another that holds a hot lock on a key that this one's commit touches; null: there is none. */
  otherHolder(): LockTicket | null {
    const { hotLocks } = this.#parts;
    if (hotLocks.size === 0) return null;
    for (const { name } of this.#writes.sorted()) {
      const holder = hotLocks.otherHolder(name, this.#ticket);
      if (holder !== null) return holder;
    }
    return null;
  }

  /** What its commit will write, about. */
  get bytes(): number {
    return this.#writes.bytes + this.#writes.count * recordBytes;
  }

  /** Fails with `too-old`. */
  checkAge(): void {
    if (this.#parts.clock.monotonic() > this.#start.expiresMs) throw tooOld();
  }

  /** As `startTs`, for the commit: after `end` too. */
  get readTs(): Timestamp {
    return this.#start.startTs;
  }

  /** Its commit or its rollback is over: others need not wait for it or keep anything for it. */
  release(): void {
    this.#parts.live.removeTransaction(this.#start);
    this.#timer?.cancel();
    this.#ticket?.leave();
  }

  async #waitInLine(keys: readonly Key[]): Promise<void> {
    this.#state = "in-line";
    const ticket = this.#parts.hotLocks.enter(keys.map(keyName));
    this.#ticket = ticket;
    this.#leaveWhenOld(ticket);
    const isLetIn = await ticket.granted;
    if (this.#state !== "in-line") throw hasEnded();
    if (!isLetIn) throw tooOld();
    this.#state = "in-use";
    this.#parts.live.removeTransaction(this.#start);
    this.#start = startNow(this.#parts);
    this.#leaveWhenOld(ticket);
  }

  /**
   * The wait in line and what follows it have a transaction's time each. One that hangs beyond it
   * makes way: it can commit no more, and even if it could, conflicts are not told by the lines.
   */
  #leaveWhenOld(ticket: LockTicket): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.timer(transactionAgeMsMax, () => ticket.leave());
  }

  #use(): void {
    switch (this.#state) {
      case "fresh":
        this.#state = "in-use";
        break;
      case "in-use":
        break;
      case "in-line":
        throw new StoreError("order", "the transaction waits for its hot locks");
      case "ended":
        throw hasEnded();
      default:
        unreachable(this.#state);
    }
    this.checkAge();
  }
}

function startNow(parts: TransactionParts): Start {
  const view = parts.newView();
  const expiresMs = parts.clock.monotonic() + transactionAgeMsMax;
  const start = { view, startTs: view.readTs, expiresMs };
  parts.live.addTransaction(start);
  return start;
}

function hasEnded(): StoreError {
  return new StoreError("closed", "the transaction has ended");
}

function tooOld(): StoreError {
  return new StoreError("too-old", `a transaction lives ${transactionAgeMsMax} ms at most`);
}
