// What one transaction will write, before its commit: the last mutation of each key, within the
// bounds of the contract, and how a scan's entries look with these mutations laid over them.

import { checkKey } from "./limits.ts";
import {
  type Entry,
  type Key,
  type Range,
  type ScanOptions,
  StoreError,
  transactionBytesMax,
  transactionKeysMax,
} from "./txn.ts";

export interface Mutation {
  readonly type: "put" | "delete" | "lock";
  readonly key: Key;
  /** Empty unless it is a put. */
  readonly value: Uint8Array;
  /** The key's bytes as the characters of a string, which compare as the bytes do. */
  readonly name: string;
}

const empty = new Uint8Array(0);
/** More new names than this are cheaper to sort with all the others. */
const insertedMax = 16;

/** The bytes as characters, one each: names keys in maps, and sorts as they do. */
export function keyName(key: Uint8Array): string {
  const bytes = Buffer.isBuffer(key)
    ? key
    : Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  return bytes.toString("latin1");
}

export class WriteBuffer {
  readonly #mutations = new Map<string, Mutation>();
  /** The names in order, but those that came since it was asked for. */
  #names: string[] = [];
  #newNames: string[] = [];
  #bytes = 0;

  get count(): number {
    return this.#mutations.size;
  }

  /** Keys and values together. */
  get bytes(): number {
    return this.#bytes;
  }

  put(key: Key, value: Uint8Array): void {
    this.#set({ type: "put", key, value, name: checkedName(key) });
  }

  delete(key: Key): void {
    this.#set({ type: "delete", key, value: empty, name: checkedName(key) });
  }

  /** Does nothing to a key that is written anyway: its write already takes part in conflicts. */
  lock(key: Key): void {
    const name = checkedName(key);
    if (this.#mutations.has(name)) return;
    this.#set({ type: "lock", key, value: empty, name });
  }

  /** A put or a delete of the key; null when a read must ask the store. */
  get(key: Key): Mutation | null {
    if (this.#mutations.size === 0) return null;
    const mutation = this.#mutations.get(keyName(key));
    return mutation === undefined || mutation.type === "lock" ? null : mutation;
  }

  /** In the order of the keys. */
  sorted(): readonly Mutation[] {
    return this.#mutationsOf(this.#sortedNames());
  }

  /**
   * How many entries to ask of the store, so that after the buffered deletes are taken out of them
   * there are still as many as the scan wants.
   */
  storeLimit(range: Range, limit: number): number {
    let deletes = 0;
    for (const mutation of this.#within(range)) if (mutation.type === "delete") deletes += 1;
    return limit + deletes;
  }

  /**
   * The store's entries of the range (`storeLimit` of them, or all) with the mutations over them.
   */
  overlay(entries: readonly Entry[], range: Range, options: ScanOptions): Entry[] {
    const mutations = this.#within(range);
    if (mutations.length === 0) return entries.slice(0, options.limit);
    const reverse = options.reverse === true;
    if (reverse) mutations.reverse();
    const merged: Entry[] = [];
    let next = 0;
    for (const entry of entries) {
      const name = keyName(entry.key);
      let replaced = false;
      for (let own = mutations[next]; own !== undefined; own = mutations[++next]) {
        if (isBefore(name, own.name, reverse)) break;
        replaced ||= own.name === name;
        push(merged, own, options);
      }
      if (!replaced) merged.push(entry);
      if (merged.length >= options.limit) return merged.slice(0, options.limit);
    }
    for (const own of mutations.slice(next)) push(merged, own, options);
    return merged.slice(0, options.limit);
  }

  /** Puts and deletes whose keys lie in the range, sorted. */
  #within(range: Range): Mutation[] {
    if (this.#mutations.size === 0) return [];
    const start = keyName(range.start);
    const end = range.end === null ? null : keyName(range.end);
    const names = this.#sortedNames();
    const from = placeOf(names, start);
    const to = end === null ? names.length : placeOf(names, end);
    return this.#mutationsOf(names.slice(from, to)).filter(({ type }) => type !== "lock");
  }

  /** A transaction may scan after each of its writes: a few names are put where they belong. */
  #sortedNames(): readonly string[] {
    if (this.#newNames.length > insertedMax) {
      this.#names = [...this.#names, ...this.#newNames].sort(byOrder);
    } else {
      for (const name of this.#newNames) this.#names.splice(placeOf(this.#names, name), 0, name);
    }
    this.#newNames = [];
    return this.#names;
  }

  #mutationsOf(names: readonly string[]): Mutation[] {
    const mutations: Mutation[] = [];
    for (const name of names) {
      const mutation = this.#mutations.get(name);
      if (mutation !== undefined) mutations.push(mutation);
    }
    return mutations;
  }

  #set(mutation: Mutation): void {
    const before = this.#mutations.get(mutation.name);
    const count = this.#mutations.size + (before === undefined ? 1 : 0);
    if (count > transactionKeysMax) {
      throw new StoreError("too-large", `more than ${transactionKeysMax} keys in a transaction`);
    }
    const bytes = this.#bytes + bytesOf(mutation) - (before === undefined ? 0 : bytesOf(before));
    if (bytes > transactionBytesMax) {
      throw new StoreError("too-large", `more than ${transactionBytesMax} bytes in a transaction`);
    }
    this.#mutations.set(mutation.name, mutation);
    this.#bytes = bytes;
    if (before === undefined) this.#newNames.push(mutation.name);
  }
}

function checkedName(key: Key): string {
  checkKey(key);
  return keyName(key);
}

function bytesOf(mutation: Mutation): number {
  return mutation.key.length + mutation.value.length;
}

function byOrder(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The first place whose name is not before `name`. */
function placeOf(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isBefore(a: string, b: string, reverse: boolean): boolean {
  return reverse ? a > b : a < b;
}

function push(merged: Entry[], own: Mutation, options: ScanOptions): void {
  if (own.type !== "put") return;
  merged.push({ key: own.key, value: options.keysOnly === true ? empty : own.value });
}
