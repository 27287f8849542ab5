// The system's clocks. The one place where Node's timers are used.

import { performance } from "node:perf_hooks";
import type { Clock, Timer } from "../env.ts";
import { assert } from "../errors.ts";
import { sleepOn } from "../sleep.ts";

/** Node fires at once when asked to wait longer than this (a signed 32-bit number of ms). */
const waitMsMax = 2 ** 31 - 1;

export function createNodeClock(): Clock {
  return { now: Date.now, monotonic, timer, sleep: (ms, signal) => sleepOn(timer, ms, signal) };
}

function monotonic(): number {
  return performance.now();
}

function timer(ms: number, fire: () => void): Timer {
  assert(Number.isFinite(ms), `a timer of ${ms} ms`);
  const due = monotonic() + ms;
  let handle: NodeJS.Timeout | null = null;

  // libuv counts whole milliseconds, so that a timer may come a fraction early: then wait again,
  // as for the rest of a wait beyond Node's longest.
  const wait = (): void => {
    const left = due - monotonic();
    if (left <= 0) {
      handle = null;
      fire();
      return;
    }
    handle = setTimeout(wait, Math.min(Math.ceil(left), waitMsMax));
  };

  handle = setTimeout(wait, Math.min(Math.max(Math.ceil(ms), 0), waitMsMax));
  return {
    cancel: () => {
      if (handle !== null) clearTimeout(handle);
      handle = null;
    },
  };
}
