// A bound on how much of something goes on at once. At the bound the next one is refused, not queued:
// who asks is a client that can come again.

import { assert } from "@sampan/env";

export class Gate {
  readonly #max: number;
  #inside = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get inside(): number {
    return this.#inside;
  }

  /** False at the bound; after true `leave` must follow once. */
  enter(): boolean {
    if (this.#inside >= this.#max) return false;
    this.#inside += 1;
    return true;
  }

  leave(): void {
    assert(this.#inside > 0, "left a gate that was not entered");
    this.#inside -= 1;
  }
}
