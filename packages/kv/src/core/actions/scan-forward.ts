// Scans keys in rising order. In the write family a key's versions come newest first, so the first
// one that is old enough decides, and the rest of the key is passed over. hot path

import { userKeyOf } from "../data-key.ts";
import { isNewer, RowKey } from "../row-key.ts";
import {
  encodeInvertedTimestamp,
  encodeTimestamp,
  type Timestamp,
  timestampBytes,
} from "../timestamp.ts";
import { type ReadOptions, type VisibleRow, visibleRow } from "../visible-row.ts";
import { WriteRow } from "../write-row.ts";
import { rowsPassedMax, type ScanStep } from "./scan.ts";

const behindAllVersions = Buffer.alloc(timestampBytes + 1, 0xff);

export class ForwardScan {
  readonly #readTs: Buffer;
  readonly #invertedReadTs: Buffer;
  readonly #keysOnly: boolean;
  readonly #key = new RowKey();
  readonly #record = new WriteRow();
  #isDecided = false;
  #passed = 0;
  #row: VisibleRow | null = null;
  #target: Buffer | null = null;

  constructor(readTs: Timestamp, options: ReadOptions) {
    this.#readTs = encodeTimestamp(readTs);
    this.#invertedReadTs = encodeInvertedTimestamp(readTs);
    this.#keysOnly = options.keysOnly ?? false;
  }

  /** After `row`. */
  get row(): VisibleRow | null {
    return this.#row;
  }

  /** After `seek`. */
  get target(): Buffer | null {
    return this.#target;
  }

  /** `version` and `record` are the iterator's key and value; nothing of them is kept. */
  step(version: Buffer, record: Buffer): ScanStep {
    if (!this.#key.matches(version)) {
      if (!this.#key.set(version)) return "malformed";
      this.#isDecided = false;
      this.#passed = 0;
    }
    if (this.#isDecided) return this.#pass(behindAllVersions);
    if (isNewer(version, this.#invertedReadTs)) return this.#pass(this.#invertedReadTs);
    return this.#decide(version, record);
  }

  #decide(version: Buffer, record: Buffer): ScanStep {
    if (!this.#record.read(record)) return "malformed";
    const visibility = this.#record.visibility(record, this.#readTs);
    if (visibility === "older") return "next";
    this.#isDecided = true;
    this.#passed = 0;
    if (visibility !== "value") return "next";
    const key = userKeyOf(version);
    if (!key.ok) return "malformed";
    this.#row = visibleRow(key.value, this.#record, {
      bytes: record,
      encodedKey: this.#key.dataKey,
      keysOnly: this.#keysOnly,
    });
    return "row";
  }

  #pass(suffix: Buffer): ScanStep {
    this.#passed += 1;
    if (this.#passed <= rowsPassedMax) return "next";
    this.#passed = 0;
    this.#target = Buffer.concat([this.#key.dataKey, suffix]);
    return "seek";
  }
}
