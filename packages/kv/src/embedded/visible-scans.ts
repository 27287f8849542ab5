// Hands out iterators of what is visible, of engines that have them, and keeps one for the next scan.
// hot path

import type { Engine, VisibleIterator, VisibleOptions } from "../engine/engine.ts";
import type { EngineWriter } from "./engine-writer.ts";
import { KeptIterator, type Opened } from "./kept-iterator.ts";

export class VisibleScans {
  readonly #engine: Engine;
  readonly #kept: KeptIterator<VisibleIterator>;

  constructor(engine: Engine, writer: Pick<EngineWriter, "answered">) {
    this.#engine = engine;
    this.#kept = new KeptIterator(writer);
  }

  /** To be given back. Null: the engine has none. */
  take(options: VisibleOptions): Opened<VisibleIterator> | null {
    const kept = this.#kept.take();
    if (kept !== null) {
      kept.iterator.aim(options);
      return kept;
    }
    const iterator = this.#engine.iterateVisible?.(options);
    return iterator === undefined ? null : this.#kept.opened(iterator);
  }

  give(opened: Opened<VisibleIterator>, hasFailed: boolean): void {
    this.#kept.give(opened, hasFailed);
  }

  /** As `KeptIterator.drop`. */
  drop(): void {
    this.#kept.drop();
  }
}
