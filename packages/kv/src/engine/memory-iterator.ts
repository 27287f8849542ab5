// The memory engine's iterator. Like RocksDB's it shows rows through one buffer that it uses over
// and over, so that code which keeps a row without copying it fails on the twin too.

import { assert } from "@sampan/env";
import type { EngineIterator, IterateOptions, Maybe } from "./engine.ts";
import { MapCursor, type MapEntry, type MapView } from "./sorted-map.ts";

const capacityBytesFirst = 256;

/** What the engine says at each step: a promise stands for a read that waits, or never comes. */
export interface IteratorGate {
  /** Throws when the engine is closed. */
  pass<T>(answer: () => T): Maybe<T>;
}

export class MemoryIterator implements EngineIterator {
  readonly #gate: IteratorGate;
  readonly #options: IterateOptions;
  readonly #cursor: MapCursor;
  #page: Buffer = Buffer.alloc(capacityBytesFirst);
  #keyBytes = 0;
  #valueBytes = 0;
  #isOnRow = false;
  #isClosed = false;

  constructor(view: MapView, options: IterateOptions, gate: IteratorGate) {
    this.#gate = gate;
    // The bounds are the caller's again when `iterate` has answered.
    this.#options = {
      ...options,
      lower: Buffer.from(options.lower),
      upper: options.upper === null ? null : Buffer.from(options.upper),
    };
    this.#cursor = new MapCursor(view);
    this.#toStart();
  }

  get key(): Buffer {
    assert(this.#isOnRow, "iterator: it stands on no row");
    return this.#page.subarray(0, this.#keyBytes);
  }

  get value(): Buffer {
    assert(this.#isOnRow, "iterator: it stands on no row");
    return this.#page.subarray(this.#keyBytes, this.#keyBytes + this.#valueBytes);
  }

  next(): Maybe<boolean> {
    assert(!this.#isClosed, "iterator: it was closed");
    this.#forget();
    return this.#gate.pass(() => this.#advance());
  }

  seek(key: Uint8Array): void {
    assert(!this.#isClosed, "iterator: it was closed");
    this.#forget();
    const { lower, upper, reverse } = this.#options;
    if (!reverse) {
      this.#cursor.seek(Buffer.compare(key, lower) < 0 ? lower : key);
      return;
    }
    if (upper !== null && Buffer.compare(key, upper) >= 0) this.#toStart();
    // An entry with this very key belongs to it: the next thing behind it is the key with a 0.
    else this.#cursor.seek(Buffer.concat([key, Buffer.of(0)]));
  }

  close(): void {
    this.#forget();
    this.#isClosed = true;
  }

  #toStart(): void {
    const { lower, upper, reverse } = this.#options;
    if (!reverse) this.#cursor.seek(lower);
    else if (upper === null) this.#cursor.seekEnd();
    else this.#cursor.seek(upper);
  }

  #advance(): boolean {
    const { reverse } = this.#options;
    const entry = this.#step(reverse);
    if (entry === null) return false;
    if (this.#isInside(entry)) {
      this.#show(entry);
      return true;
    }
    // The end stays the end however often it is asked for.
    this.#step(!reverse);
    return false;
  }

  #step(backwards: boolean): MapEntry | null {
    return backwards ? this.#cursor.previous() : this.#cursor.next();
  }

  #isInside({ key }: MapEntry): boolean {
    const { lower, upper } = this.#options;
    if (Buffer.compare(key, lower) < 0) return false;
    return upper === null || Buffer.compare(key, upper) < 0;
  }

  #show({ key, value }: MapEntry): void {
    this.#keyBytes = key.length;
    this.#valueBytes = this.#options.keysOnly === true ? 0 : value.length;
    const bytes = this.#keyBytes + this.#valueBytes;
    if (bytes > this.#page.length) this.#page = Buffer.alloc(2 * bytes);
    key.copy(this.#page, 0);
    value.copy(this.#page, this.#keyBytes, 0, this.#valueBytes);
    this.#isOnRow = true;
  }

  /** Rows that were shown lose their bytes at once. */
  #forget(): void {
    if (this.#isOnRow) this.#page.fill(0xdd, 0, this.#keyBytes + this.#valueBytes);
    this.#isOnRow = false;
  }
}
