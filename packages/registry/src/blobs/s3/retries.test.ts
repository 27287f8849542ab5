import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { createRetries, retryPauseMs } from "./retries.ts";

test("the bound of a pause doubles, and stops at ten seconds", () => {
  const check = (attempt: number, expected: number): void => {
    assert.equal(retryPauseMs(100, attempt, 0.999_999), expected);
    assert.equal(retryPauseMs(100, attempt, 0), 0);
  };
  check(1, 99);
  check(2, 199);
  check(5, 1_599);
  check(9, 9_999);
  check(60, 9_999);
});

test("only what may pass is tried again, and not for ever", async () => {
  const check = async (
    errorType: "THROTTLING" | "TRANSIENT" | "CLIENT_ERROR",
    expected: number,
  ) => {
    const { random } = createSimulatedWorld(1).env;
    const retries = createRetries(random, { failureMs: 1, throttleMs: 1 });
    let token = await retries.acquireInitialRetryToken("");
    let tries = 1;
    try {
      for (; tries < 100; tries += 1) {
        token = await retries.refreshRetryTokenForRetry(token, { errorType });
      }
    } catch {}
    assert.equal(tries, expected, errorType);
  };
  await check("THROTTLING", 7);
  await check("TRANSIENT", 7);
  await check("CLIENT_ERROR", 1);
});
