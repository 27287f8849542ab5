// A bound on how much of something goes on at once. At the bound the next one is refused, not
// queued: who asks is a client that can come again. A shared one also bounds what one of them holds,
// so that whoever falls silent within leaves room for the others.

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

/** A gate with a bound on how often one and the same is inside. */
export class SharedGate {
  readonly #gate: Gate;
  readonly #shareMax: number;
  /** Who is inside, and how often; nobody is in it who is not. */
  readonly #shares = new Map<string, number>();

  constructor(gate: Gate, shareMax: number) {
    this.#gate = gate;
    this.#shareMax = shareMax;
  }

  /** `no-share`: the same is inside too often; `full`: there are too many in all. */
  enter(who: string): "entered" | "no-share" | "full" {
    const share = this.#shares.get(who) ?? 0;
    if (share >= this.#shareMax) return "no-share";
    if (!this.#gate.enter()) return "full";
    this.#shares.set(who, share + 1);
    return "entered";
  }

  /** Once after every `entered`. */
  leave(who: string): void {
    const share = this.#shares.get(who);
    assert(share !== undefined, "left a gate that was not entered");
    if (share === 1) this.#shares.delete(who);
    else this.#shares.set(who, share - 1);
    this.#gate.leave();
  }
}
