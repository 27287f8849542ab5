// Sleeping is a timer and a signal, in every world the same.

import type { Clock } from "./env.ts";

/** Resolves when the timer fires; rejects with the signal's reason when that comes first. */
export function sleepOn(timer: Clock["timer"], ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      waiting.cancel();
      reject(signal?.reason);
    };
    const waiting = timer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
