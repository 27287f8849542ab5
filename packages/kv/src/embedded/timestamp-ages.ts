// How old a timestamp is by the monotonic clock: what was the newest timestamp some time ago. The wall
// clock, and so the physical part of a timestamp, may jump; this does not.

import type { Timestamp } from "../core/index.ts";

interface Sample {
  readonly atMs: number;
  readonly timestamp: Timestamp;
}

/** Samples kept at most: the finest are merged when there are more. */
export const samplesMax = 64;

export class TimestampAges {
  /** In the order of their times. */
  readonly #samples: Sample[] = [];

  /** `timestamp` is the newest at that moment of the monotonic clock. */
  add(atMs: number, timestamp: Timestamp): void {
    this.#samples.push({ atMs, timestamp });
    if (this.#samples.length > samplesMax) this.#samples.splice(1, 1);
  }

  /** The newest known that is at least so old, or null. Older ones are forgotten. */
  olderThan(ageMs: number, nowMs: number): Timestamp | null {
    const at = this.#samples.findLastIndex((sample) => sample.atMs <= nowMs - ageMs);
    if (at > 0) this.#samples.splice(0, at);
    return at < 0 ? null : (this.#samples[0]?.timestamp ?? null);
  }
}
