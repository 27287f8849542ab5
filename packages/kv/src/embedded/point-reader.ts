// Finds single keys' rows with one iterator, which is opened again only after something was
// written: opening one costs more than a search. It shows the engine as it was when it was opened,
// which no reader can tell from now as long as no write has been answered since. hot path

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
import { isPending, malformed, walkRows } from "./version-reads.ts";

const all = dataRange(Buffer.alloc(0), null);

interface Opened {
  readonly iterator: EngineIterator;
  /** How many writes had been answered then. */
  readonly answered: number;
  /** How often all was dropped then. */
  readonly drops: number;
}

export class PointReader {
  readonly #engine: Engine;
  readonly #writer: EngineWriter;
  #kept: Opened | null = null;
  #drops = 0;

  constructor(engine: Engine, writer: EngineWriter) {
    this.#engine = engine;
    this.#writer = writer;
  }

  /** The key's newest record at or before `readTs` that has a value, or null. */
  read(key: Key, readTs: Timestamp): Maybe<VisibleRow | null> {
    const opened = this.#take();
    let walking: Promise<void> | null = null;
    const search = new PointGet(key, readTs, {});
    try {
      const walk = findRow(opened.iterator, search);
      if (isPending(walk)) walking = walk;
    } finally {
      // After a failure too: the iterator may be used again.
      if (walking === null) this.#give(opened);
    }
    if (walking === null) return search.row;
    return walking.finally(() => this.#give(opened)).then(() => search.row);
  }

  /**
   * Lets go of what is held in the engine, of what is in use once its read is over: to be called
   * now and then, and at the end.
   */
  drop(): void {
    this.#drops += 1;
    this.#kept?.iterator.close();
    this.#kept = null;
  }

  /** It is nobody else's until it is given back: one that waits for the disk cannot be shared. */
  #take(): Opened {
    const kept = this.#kept;
    this.#kept = null;
    const { answered } = this.#writer;
    if (kept !== null && kept.answered === answered) return kept;
    kept?.iterator.close();
    const bounds = { ...all, reverse: false, snapshot: null };
    return { iterator: this.#engine.iterate("write", bounds), answered, drops: this.#drops };
  }

  #give(opened: Opened): void {
    const isNew = opened.answered === this.#writer.answered && opened.drops === this.#drops;
    if (this.#kept === null && isNew) this.#kept = opened;
    else opened.iterator.close();
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
