import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyPace, bodyRateMin, rateWindowMs } from "./body-pace.ts";

/** Sends so many bytes every second; whether that is refused within ten windows. */
function isRefused(bytesPerSecond: number): boolean {
  const pace = new BodyPace(0);
  for (let nowMs = 1_000; nowMs <= 10 * rateWindowMs; nowMs += 1_000) {
    if (pace.isTooSlow(bytesPerSecond, nowMs)) return true;
  }
  return false;
}

test("a body that drips is refused, a slow one is not", () => {
  assert.equal(isRefused(1), true);
  assert.equal(isRefused(bodyRateMin - 1), true);
  assert.equal(isRefused(bodyRateMin), false);
  assert.equal(isRefused(1_000_000), false);
});

test("a client may fall behind and catch up within the window", () => {
  const pace = new BodyPace(0);
  assert.equal(pace.isTooSlow(1, rateWindowMs - 1), false);
  assert.equal(pace.isTooSlow((bodyRateMin * rateWindowMs) / 1_000, rateWindowMs), false);
});

test("a fast first window pays for no later one", () => {
  const pace = new BodyPace(0);
  assert.equal(pace.isTooSlow(1_000_000_000, rateWindowMs), false);
  assert.equal(pace.isTooSlow(1, 2 * rateWindowMs), true);
});

test("the time in which we let the client wait does not count", () => {
  const pace = new BodyPace(0);
  pace.isTooSlow(1, 1_000);
  pace.pause(1_000);
  pace.resume(100 * rateWindowMs);
  assert.equal(pace.isTooSlow(1, 100 * rateWindowMs + 1_000), false);
  assert.equal(pace.isTooSlow(1, 101 * rateWindowMs), true);
});
