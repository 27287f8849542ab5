// An open loop: work starts when it is due, whether or not what came before has ended, and how long
// it took is counted from then. A slow answer so shows in all that had to wait behind it.

import { performance } from "node:perf_hooks";

export interface Timed {
  /** By performance.now(), when it was due. */
  readonly atMs: number;
  readonly ms: number;
}

export interface SteadyLoad {
  /** What has ended so far. */
  readonly timed: readonly Timed[];
  /** Starts nothing more; resolves when everything has ended, rejects if anything failed. */
  stop(): Promise<void>;
}

export function startSteadyLoad(
  perSecond: number,
  work: (index: number) => Promise<unknown>,
): SteadyLoad {
  const timed: Timed[] = [];
  const running = new Set<Promise<void>>();
  const startedMs = performance.now();
  let failure: { readonly error: unknown } | null = null;
  let started = 0;
  const startOne = (atMs: number) => {
    const one = work(started++).then(
      () => {
        timed.push({ atMs, ms: performance.now() - atMs });
      },
      (error: unknown) => {
        failure ??= { error };
      },
    );
    running.add(one);
    void one.finally(() => running.delete(one));
  };
  const timer = setInterval(() => {
    for (;;) {
      const dueMs = startedMs + (started * 1000) / perSecond;
      if (dueMs > performance.now()) return;
      startOne(dueMs);
    }
  }, 1);
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(running);
    if (failure !== null) throw failure.error;
  };
  return { timed, stop };
}

/** The least of the figures that so many percent are not above. */
export function percentileOf(figures: readonly number[], percent: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const index = Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1);
  return sorted[index] ?? Number.NaN;
}
