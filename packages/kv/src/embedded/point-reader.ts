// Finds single keys' rows with one iterator, which is opened again only after something was
// written. hot path

import {
  dataRange,
  PointGet,
  type Timestamp,
  timestampBytes,
  type VisibleRow,
} from "../core/index.ts";
import type { Engine, EngineIterator, Maybe } from "../engine/engine.ts";
import type { Key } from "../txn/txn.ts";
import type { EngineWriter } from "./engine-writer.ts";
import { KeptIterator, type Opened } from "./kept-iterator.ts";
import { isPending, malformed, walkRows } from "./version-reads.ts";

const all = dataRange(Buffer.alloc(0), null);

export class PointReader {
  readonly #engine: Engine;
  readonly #kept: KeptIterator<EngineIterator>;

  constructor(engine: Engine, writer: EngineWriter) {
    this.#engine = engine;
    this.#kept = new KeptIterator(writer);
  }

  /** The key's newest record at or before `readTs` that has a value, or null. */
  read(key: Key, readTs: Timestamp): Maybe<VisibleRow | null> {
    const opened = this.#take();
    const search = new PointGet(key, readTs, {});
    const end = (): VisibleRow | null => {
      this.#kept.give(opened, false);
      return search.row;
    };
    const fail = (error: unknown): never => {
      this.#kept.give(opened, true);
      throw error;
    };
    let walking: Maybe<void>;
    try {
      walking = findRow(opened.iterator, search);
    } catch (error) {
      return fail(error);
    }
    return isPending(walking) ? walking.then(end, fail) : end();
  }

  /** As `KeptIterator.drop`. */
  drop(): void {
    this.#kept.drop();
  }

  #take(): Opened<EngineIterator> {
    const kept = this.#kept.take();
    if (kept !== null) return kept;
    const bounds = { ...all, reverse: false, snapshot: null };
    return this.#kept.opened(this.#engine.iterate("write", bounds));
  }
}

function findRow(iterator: EngineIterator, search: PointGet): Maybe<void> {
  const newest = search.range.lower;
  iterator.seek(newest);
  return walkRows(iterator, () => {
    if (!isVersionOfSameKey(iterator.key, newest)) return false;
    const step = search.step(iterator.value);
    if (step === "malformed") throw malformed(iterator.key);
    return step === "next";
  });
}

function isVersionOfSameKey(a: Buffer, b: Buffer): boolean {
  const end = a.length - timestampBytes;
  return a.length === b.length && a.compare(b, 0, end, 0, end) === 0;
}
