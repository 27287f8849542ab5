// Values that were read a moment ago, as the newest of their keys, so that what is asked for over
// and over costs no search in the engine. An entry is right for every reader at or after the
// moment at which it was read, until a commit of its key begins: then it is forgotten, within the
// same turn.
//
// Two generations stand in for an order of use: what was not asked for while the young one filled
// up is dropped with the old one. Only one offer in a few is taken, so that keys without number
// cost little; what is asked for often gets in all the same.

import type { Timestamp } from "../core/index.ts";

interface Entry {
  /** When it was read. */
  readonly asOf: Timestamp;
  /** Null: the key has no value. */
  readonly value: Buffer | null;
}

/** What an entry takes beside its name and value, about. */
const entryBytes = 200;
/** Larger values would push out many small ones. */
const valueBytesFraction = 1 / 16;
const offersPerTaken = 4;

// hot path
export class NewestValues {
  readonly #bytesMax: number;
  #young = new Map<string, Entry>();
  #youngBytes = 0;
  #old = new Map<string, Entry>();
  #oldBytes = 0;
  #offers = 0;

  /** 0 keeps nothing. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Never more than allowed; what was forgotten is counted until its generation goes. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** A copy of the value, null when there is none at that moment; undefined: ask the engine. */
  get(name: string, readTs: Timestamp): Buffer | null | undefined {
    const young = this.#young.get(name);
    const entry = young ?? this.#old.get(name);
    if (entry === undefined || entry.asOf > readTs) return undefined;
    if (young === undefined) this.#add(name, entry);
    return entry.value === null ? null : Buffer.from(entry.value);
  }

  /**
   * `value` is what a reader at `asOf` sees, and nothing newer of the key was committed or is under
   * way. A copy is kept, if any.
   */
  offer(name: string, asOf: Timestamp, value: Buffer | null): void {
    this.#offers += 1;
    if (this.#offers % offersPerTaken !== 0) return;
    if ((value?.length ?? 0) > this.#bytesMax * valueBytesFraction) return;
    this.#add(name, { asOf, value: value === null ? null : copyOf(value) });
  }

  /** A commit of the key begins. */
  forget(name: string): void {
    this.#old.delete(name);
    this.#young.delete(name);
  }

  #add(name: string, entry: Entry): void {
    const bytes = entryBytes + name.length + (entry.value?.length ?? 0);
    if (this.#youngBytes + bytes > this.#bytesMax / 2) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    if (bytes > this.#bytesMax / 2) return;
    this.#young.set(name, entry);
    this.#youngBytes += bytes;
  }
}

/** In memory of its own: a slice of Node's pool would keep 8 KiB alive for a few bytes. */
function copyOf(value: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(value.length);
  value.copy(copy);
  return copy;
}
