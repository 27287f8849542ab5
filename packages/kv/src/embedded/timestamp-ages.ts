// How the store stood some time ago by the monotonic clock. The wall clock, and so the physical
// part of a timestamp, may jump; this does not.

import type { Timestamp } from "../core/index.ts";

/** The store at one moment. */
export interface Milestone {
  /** The newest timestamp given out. */
  readonly timestamp: Timestamp;
  /** Keys and bytes written by then, since the store was opened. */
  readonly keys: number;
  readonly bytes: number;
}

interface Sample {
  readonly atMs: number;
  readonly milestone: Milestone;
}

/** Samples kept of one retention: that fine is an age told. */
const samplesPerRetention = 16;

export class TimestampAges {
  readonly #retentionMs: number;
  /** In the order of their times; at most `samplesPerRetention` and two. */
  readonly #samples: Sample[] = [];

  constructor(retentionMs: number) {
    this.#retentionMs = retentionMs;
  }

  /** A sample that follows the last one closely is not kept. */
  add(atMs: number, milestone: Milestone): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && atMs - last.atMs < this.#retentionMs / samplesPerRetention) return;
    this.#samples.push({ atMs, milestone });
  }

  /**
   * The newest known that is at least as old as the retention, or null. Older ones are forgotten.
   */
  aged(nowMs: number): Milestone | null {
    const at = this.#samples.findLastIndex(({ atMs }) => atMs <= nowMs - this.#retentionMs);
    if (at > 0) this.#samples.splice(0, at);
    return at < 0 ? null : (this.#samples[0]?.milestone ?? null);
  }

  get count(): number {
    return this.#samples.length;
  }
}
