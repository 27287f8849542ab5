// A snapshot of the embedded store: a view with an end.

import type { Clock } from "@sampan/env";
import type { Timestamp } from "../core/index.ts";
import { checkKey, checkReadKeys, checkScan } from "../txn/limits.ts";
import {
  type Entry,
  type JoinedKeys,
  type JoinOptions,
  type Key,
  type Latin1Entries,
  type Range,
  type ScanOptions,
  type Snapshot,
  StoreError,
  snapshotAgeMsMax,
} from "../txn/txn.ts";
import type { View } from "./view.ts";

export interface SnapshotParts {
  readonly clock: Clock;
  readonly view: View;
  isClosed(): boolean;
  onRelease(snapshot: EmbeddedSnapshot): void;
}

// hot path
export class EmbeddedSnapshot implements Snapshot {
  readonly startTs: Timestamp;
  readonly expiresMs: number;
  readonly #parts: SnapshotParts;
  #isReleased = false;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.startTs = parts.view.readTs;
    this.expiresMs = parts.clock.monotonic() + snapshotAgeMsMax;
  }

  async get(key: Key): Promise<Uint8Array | null> {
    this.#checkUse();
    checkKey(key);
    return this.#parts.view.get(key);
  }

  async getMany(keys: readonly Key[]): Promise<(Uint8Array | null)[]> {
    this.#checkUse();
    checkReadKeys(keys);
    return this.#parts.view.getMany(keys);
  }

  async scan(range: Range, options: ScanOptions): Promise<Entry[]> {
    this.#checkUse();
    checkScan(range, options);
    return this.#parts.view.scan(range, options);
  }

  async scanLatin1(range: Range, options: ScanOptions): Promise<Latin1Entries> {
    this.#checkUse();
    checkScan(range, options);
    return this.#parts.view.scanLatin1(range, options);
  }

  async scanJoined(range: Range, options: JoinOptions): Promise<JoinedKeys> {
    this.#checkUse();
    checkScan(range, options);
    return this.#parts.view.scanJoined(range, options);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#parts.onRelease(this);
  }

  #checkUse(): void {
    if (this.#isReleased) throw new StoreError("closed", "the snapshot was released");
    if (this.#parts.isClosed()) throw new StoreError("closed", "the store is closed");
    if (this.#parts.clock.monotonic() <= this.expiresMs) return;
    throw new StoreError("snapshot-too-old", `a snapshot lives ${snapshotAgeMsMax} ms at most`);
  }
}
