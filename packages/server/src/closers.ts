// What was opened, to be closed in the opposite order, whatever happened in between.

import type { Log } from "@sampan/env";

export class Closers {
  readonly #log: Log;
  readonly #closers: { readonly name: string; readonly close: () => Promise<void> }[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, close: () => Promise<void>): void {
    this.#closers.push({ name, close });
  }

  /** One that fails is logged and does not keep the others open. Twice is once. */
  async close(): Promise<void> {
    for (let next = this.#closers.pop(); next !== undefined; next = this.#closers.pop()) {
      try {
        await next.close();
      } catch (error) {
        this.#log.error(`could not close the ${next.name}`, { error });
      }
    }
  }
}
