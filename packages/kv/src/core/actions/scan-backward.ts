// Scans keys in falling order. A key's versions then come oldest first, so the last one that is old
// enough decides, and only the next key's first row, or the end, shows that it was the last.
// hot path

import { userKeyOf } from "../data-key.ts";
import { isNewer, RowKey } from "../row-key.ts";
import { encodeInvertedTimestamp, encodeTimestamp, type Timestamp } from "../timestamp.ts";
import { type ReadOptions, type VisibleRow, visibleRow } from "../visible-row.ts";
import { WriteRow } from "../write-row.ts";
import { rowsPassedMax, type ScanStep } from "./scan.ts";

const capacityBytesFirst = 512;

export class BackwardScan {
  readonly #readTs: Buffer;
  readonly #invertedReadTs: Buffer;
  readonly #keysOnly: boolean;
  readonly #key = new RowKey();
  readonly #record = new WriteRow();
  /** The newest record so far that carries a value; empty: the key has none so far. */
  #candidate: Buffer = Buffer.allocUnsafe(capacityBytesFirst);
  #candidateBytes = 0;
  #userKey: Buffer | null = null;
  #isDecided = false;
  #passed = 0;
  #row: VisibleRow | null = null;

  constructor(readTs: Timestamp, options: ReadOptions) {
    this.#readTs = encodeTimestamp(readTs);
    this.#invertedReadTs = encodeInvertedTimestamp(readTs);
    this.#keysOnly = options.keysOnly ?? false;
  }

  /** After `row`. */
  get row(): VisibleRow | null {
    return this.#row;
  }

  /** After `seek`: the data key stands before all its versions, so the next is of another key. */
  get target(): Buffer {
    return Buffer.from(this.#key.dataKey);
  }

  /** As that of `ForwardScan`; the row it gives is that of the key before this one. */
  step(version: Buffer, record: Buffer): ScanStep {
    const isNext = !this.#key.matches(version);
    const isRow = isNext && this.#takeRow();
    if (isNext && !this.#begin(version)) return "malformed";
    const step = this.#consider(version, record);
    return isRow && step !== "malformed" ? "row" : step;
  }

  /** The rows have ended: the last one of the answer may stand in `row` (true). */
  end(): boolean {
    const isRow = !this.#key.isEmpty && this.#takeRow();
    this.#key.clear();
    return isRow;
  }

  #begin(version: Buffer): boolean {
    const userKey = userKeyOf(version);
    if (!userKey.ok || !this.#key.set(version)) return false;
    this.#userKey = userKey.value;
    this.#candidateBytes = 0;
    this.#isDecided = false;
    this.#passed = 0;
    return true;
  }

  #consider(version: Buffer, record: Buffer): ScanStep {
    if (this.#isDecided || isNewer(version, this.#invertedReadTs)) {
      this.#isDecided = true;
      return this.#pass();
    }
    if (!this.#record.read(record)) return "malformed";
    const visibility = this.#record.visibility(record, this.#readTs);
    if (visibility === "value") this.#keep(record);
    else if (visibility === "none") this.#candidateBytes = 0;
    return "next";
  }

  #keep(record: Buffer): void {
    if (record.length > this.#candidate.length) {
      this.#candidate = Buffer.allocUnsafe(2 * record.length);
    }
    this.#candidateBytes = record.copy(this.#candidate);
  }

  #takeRow(): boolean {
    if (this.#candidateBytes === 0 || this.#userKey === null) return false;
    const bytes = this.#candidate.subarray(0, this.#candidateBytes);
    this.#record.read(bytes);
    this.#row = visibleRow(this.#userKey, this.#record, {
      bytes,
      encodedKey: this.#key.dataKey,
      keysOnly: this.#keysOnly,
    });
    this.#candidateBytes = 0;
    return true;
  }

  #pass(): ScanStep {
    this.#passed += 1;
    if (this.#passed <= rowsPassedMax) return "next";
    this.#passed = 0;
    return "seek";
  }
}
