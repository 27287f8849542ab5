// The three families as sorted arrays, and what a shell does with core's answers: the plainest
// engine there is, for scenario scripts.

import { dataKey, decodeVersionKey, versionRange } from "../data-key.ts";
import { decodeLock, type Lock } from "../lock-record.ts";
import type { Modify, MvccFamily } from "../modify.ts";
import type { Key } from "../mutation.ts";
import type { CommittedWrite, MvccReader } from "../mvcc-reader.ts";
import type { Timestamp } from "../timestamp.ts";
import { decodeWrite } from "../write-record.ts";

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

export class MvccTables implements MvccReader {
  readonly #families: Record<MvccFamily, Row[]> = { default: [], lock: [], write: [] };

  apply(modifies: readonly Modify[]): void {
    for (const modify of modifies) {
      const rows = this.#families[modify.family];
      const at = lowerBound(rows, modify.key);
      const isThere = rows[at]?.key.equals(modify.key) ?? false;
      const inserted =
        modify.type === "put" ? [{ key: modify.key, value: Buffer.from(modify.value) }] : [];
      rows.splice(at, isThere ? 1 : 0, ...inserted);
    }
  }

  rows(family: MvccFamily): readonly Row[] {
    return this.#families[family];
  }

  get(family: MvccFamily, key: Buffer): Buffer | null {
    const rows = this.#families[family];
    const row = rows[lowerBound(rows, key)];
    return row?.key.equals(key) ? row.value : null;
  }

  lock(key: Key): Lock | null {
    const bytes = this.get("lock", dataKey(key));
    if (bytes === null) return null;
    const lock = decodeLock(bytes);
    if (!lock.ok) throw new Error(`lock: ${lock.error}`);
    return lock.value;
  }

  seekWrite(key: Key, timestamp: Timestamp): CommittedWrite | null {
    const { lower, upper } = versionRange(key, timestamp);
    const rows = this.#families.write;
    const row = rows[lowerBound(rows, lower)];
    if (row === undefined || Buffer.compare(row.key, upper) >= 0) return null;
    const version = decodeVersionKey(row.key);
    const write = decodeWrite(row.value);
    if (!version.ok) throw new Error(`version: ${version.error}`);
    if (!write.ok) throw new Error(`write: ${write.error}`);
    return { commitTs: version.value.timestamp, write: write.value };
  }
}

/** Walks rows of one family as the engine's iterator does. */
export class Cursor {
  readonly #rows: readonly Row[];
  readonly #reverse: boolean;
  /** How often it jumped. */
  seeks = 0;
  #at: number;

  constructor(rows: readonly Row[], reverse: boolean) {
    this.#rows = rows;
    this.#reverse = reverse;
    this.#at = reverse ? rows.length - 1 : 0;
  }

  next(): Row | null {
    const row = this.#rows[this.#at] ?? null;
    this.#at += this.#reverse ? -1 : 1;
    return row;
  }

  seek(key: Buffer): void {
    this.seeks += 1;
    const at = lowerBound(this.#rows, key);
    const isAtKey = this.#rows[at]?.key.equals(key) ?? false;
    this.#at = this.#reverse && !isAtKey ? at - 1 : at;
  }
}

/** Index of the first row at or behind the key. */
export function lowerBound(rows: readonly Row[], key: Buffer): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && Buffer.compare(row.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
