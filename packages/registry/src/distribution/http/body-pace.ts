// How fast a client sends a body. One that sends a byte now and then is never silent for as long as
// the stall time and would hold its place among the uploads for ever. Only the time in which we
// wait for it counts. Pure. // hot path

/** Bytes a second, over a window; a modem of the last century sends five times as much. */
export const bodyRateMin = 1_024;
export const rateWindowMs = 60_000;

export class BodyPace {
  #windowStartMs: number;
  #windowBytes = 0;
  #pausedAtMs = 0;

  constructor(nowMs: number) {
    this.#windowStartMs = nowMs;
  }

  /** A chunk came. True: those of the last window were too few, and this one is as good as none. */
  isTooSlow(bytes: number, nowMs: number): boolean {
    this.#windowBytes += bytes;
    const ms = nowMs - this.#windowStartMs;
    if (ms < rateWindowMs) return false;
    if (this.#windowBytes * 1_000 < bodyRateMin * ms) return true;
    this.#windowStartMs = nowMs;
    this.#windowBytes = 0;
    return false;
  }

  /** We let the client wait. */
  pause(nowMs: number): void {
    this.#pausedAtMs = nowMs;
  }

  resume(nowMs: number): void {
    this.#windowStartMs += nowMs - this.#pausedAtMs;
  }
}
