// The wall clock as far as it can be trusted. A leap forward that the monotonic clock does not
// confirm is followed only if it lasts: a clock that was wrong for a moment must not carry the
// store's time years ahead, for that never goes back. A laptop that slept is a minute late, which
// harms nobody.

import type { Env } from "@sampan/env";

/** More than a clock is adjusted by while it is being slewed or stepped in daily life. */
const leapMsMax = 10_000;
/** A leap that has lasted so long is believed. */
const leapTrustedAfterMs = 60_000;

export class WallClock {
  readonly #env: Env;
  #wallMs: number;
  #monotonicMs: number;
  #leaptAtMs: number | null = null;

  constructor(env: Env) {
    this.#env = env;
    this.#wallMs = env.clock.now();
    this.#monotonicMs = env.clock.monotonic();
  }

  /** Whole milliseconds since the Unix epoch. */
  nowMs(): number {
    const wallMs = this.#env.clock.now();
    const monotonicMs = this.#env.clock.monotonic();
    const expectedMs = this.#wallMs + (monotonicMs - this.#monotonicMs);
    if (wallMs - expectedMs > leapMsMax && !this.#isTrusted(monotonicMs, wallMs - expectedMs)) {
      return Math.floor(expectedMs);
    }
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    this.#leaptAtMs = null;
    return wallMs;
  }

  #isTrusted(monotonicMs: number, leapMs: number): boolean {
    if (this.#leaptAtMs !== null) return monotonicMs - this.#leaptAtMs >= leapTrustedAfterMs;
    this.#leaptAtMs = monotonicMs;
    this.#env.log.warn("the wall clock leapt forward; timestamps follow if it stays there", {
      leapMs: Math.round(leapMs),
      followAfterMs: leapTrustedAfterMs,
    });
    return false;
  }
}
