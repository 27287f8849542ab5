// Which versions may go at a safe point, below which nobody reads any more and no lock is left. Of
// each key the newest put at or before it stays, everything older goes; a delete is only needed to
// hide what is older, so it goes last; records that say nothing of the value go. The shell walks
// the rows of the write family forwards and hands each over, then writes `take()` now and then, in
// order.

import type { Modify } from "../modify.ts";
import { isNewer, RowKey } from "../row-key.ts";
import { encodeInvertedTimestamp, type Timestamp, timestampBytes } from "../timestamp.ts";
import { writeTypeBytes } from "../write-record.ts";
import { WriteRow } from "../write-row.ts";

export type GcStep = "kept" | "removed" | "malformed";

export class GcScan {
  readonly #invertedSafePoint: Buffer;
  readonly #key = new RowKey();
  readonly #record = new WriteRow();
  /** The put or delete that readers at the safe point see was met: what follows is older. */
  #isCovered = false;
  #coveringDelete: Buffer | null = null;
  #modifies: Modify[] = [];

  constructor(safePoint: Timestamp) {
    this.#invertedSafePoint = encodeInvertedTimestamp(safePoint);
  }

  /** How many changes wait for `take`. */
  get pending(): number {
    return this.#modifies.length;
  }

  step(version: Buffer, record: Buffer): GcStep {
    if (!this.#key.matches(version)) {
      this.end();
      if (!this.#key.set(version)) return "malformed";
    }
    if (isNewer(version, this.#invertedSafePoint)) return "kept";
    if (!this.#record.read(record)) return "malformed";
    if (this.#isCovered) return this.#remove(version);
    switch (this.#record.type) {
      case writeTypeBytes.put:
        this.#isCovered = true;
        return "kept";
      case writeTypeBytes.delete:
        this.#isCovered = true;
        this.#coveringDelete = Buffer.from(version);
        return "removed";
      default:
        return this.#remove(version);
    }
  }

  /** The rows have ended, or the walk stops at the beginning of a key. */
  end(): void {
    if (this.#coveringDelete !== null) {
      this.#modifies.push({ type: "delete", family: "write", key: this.#coveringDelete });
    }
    this.#coveringDelete = null;
    this.#isCovered = false;
    this.#key.clear();
  }

  /** The changes since the last call. Any prefix of them leaves all reads as they are. */
  take(): Modify[] {
    const taken = this.#modifies;
    this.#modifies = [];
    return taken;
  }

  #remove(version: Buffer): GcStep {
    this.#modifies.push({ type: "delete", family: "write", key: Buffer.from(version) });
    if (this.#record.type === writeTypeBytes.put && this.#record.valueStart < 0) {
      const key = Buffer.from(version);
      this.#record.writeInvertedStart(key, key.length - timestampBytes);
      this.#modifies.push({ type: "delete", family: "default", key });
    }
    return "removed";
  }
}
