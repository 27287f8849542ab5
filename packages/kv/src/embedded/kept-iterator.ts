// One iterator that is kept for the next read: opening one costs more than a search. It shows the
// engine as it was when it was opened, which no reader can tell from now as long as no write has been
// answered since: what is not answered yet, its readers wait for. hot path

import type { EngineWriter } from "./engine-writer.ts";

export interface Opened<T> {
  readonly iterator: T;
  /** How many writes had been answered then. */
  readonly answered: number;
  /** How often all was dropped then. */
  readonly drops: number;
}

export class KeptIterator<T extends { close(): void }> {
  readonly #writer: Pick<EngineWriter, "answered">;
  #kept: Opened<T> | null = null;
  #drops = 0;

  constructor(writer: Pick<EngineWriter, "answered">) {
    this.#writer = writer;
  }

  /**
   * The one that is kept, or null: then one that is opened now is to be handed to `opened`. It is
   * nobody else's until it is given back: one that waits for the disk cannot be shared.
   */
  take(): Opened<T> | null {
    const kept = this.#kept;
    this.#kept = null;
    if (kept === null || kept.answered === this.#writer.answered) return kept;
    kept.iterator.close();
    return null;
  }

  opened(iterator: T): Opened<T> {
    return { iterator, answered: this.#writer.answered, drops: this.#drops };
  }

  /** Its read is over. One that has failed may hold on to what failed, and goes. */
  give(opened: Opened<T>, hasFailed: boolean): void {
    const isNew = opened.answered === this.#writer.answered && opened.drops === this.#drops;
    if (this.#kept === null && isNew && !hasFailed) this.#kept = opened;
    else opened.iterator.close();
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
}
