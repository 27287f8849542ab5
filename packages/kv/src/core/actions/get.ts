// Reads one key: the shell walks the rows of the write family within `range`, newest first, and
// hands each record over until it is told that it is enough. Locks are looked at first
// (check-lock.ts).

import { type DataRange, dataKey, versionRange } from "../data-key.ts";
import type { Key } from "../mutation.ts";
import { encodeTimestamp, type Timestamp } from "../timestamp.ts";
import { type ReadOptions, type VisibleRow, visibleRow } from "../visible-row.ts";
import { WriteRow } from "../write-row.ts";

export type GetStep =
  /** `row` is the answer. */
  | "row"
  /** There is no value. So it is too when the rows end. */
  | "none"
  | "next"
  | "malformed";

export class PointGet {
  /** Bounds of the key's versions that are old enough. */
  readonly range: DataRange;
  readonly #key: Buffer;
  readonly #readTs: Buffer;
  readonly #keysOnly: boolean;
  readonly #row = new WriteRow();
  #found: VisibleRow | null = null;

  constructor(key: Key, readTs: Timestamp, options: ReadOptions) {
    this.#key = Buffer.from(key);
    this.range = versionRange(key, readTs);
    this.#readTs = encodeTimestamp(readTs);
    this.#keysOnly = options.keysOnly ?? false;
  }

  get row(): VisibleRow | null {
    return this.#found;
  }

  step(record: Buffer): GetStep {
    if (!this.#row.read(record)) return "malformed";
    const visibility = this.#row.visibility(record, this.#readTs);
    if (visibility === "older") return "next";
    if (visibility !== "value") return visibility;
    this.#found = visibleRow(this.#key, this.#row, {
      bytes: record,
      encodedKey: dataKey(this.#key),
      keysOnly: this.#keysOnly,
    });
    return "row";
  }
}
