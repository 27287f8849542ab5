// A bound on how much of something goes on at once. At the bound the next one is refused, not
// queued: who asks is a client that can come again.

import { assert, type Gauge } from "@sampan/env";

export class Gate {
  readonly #max: number;
  readonly #gauge: Gauge;
  #inside = 0;

  /** `gauge` shows how many are inside. */
  constructor(max: number, gauge: Gauge) {
    this.#max = max;
    this.#gauge = gauge;
  }

  /** False at the bound; after true `leave` must follow once. */
  enter(): boolean {
    if (this.#inside >= this.#max) return false;
    this.#inside += 1;
    this.#gauge.set(this.#inside);
    return true;
  }

  leave(): void {
    assert(this.#inside > 0, "left a gate that was not entered");
    this.#inside -= 1;
    this.#gauge.set(this.#inside);
  }
}
