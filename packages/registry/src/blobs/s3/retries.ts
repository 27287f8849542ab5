// When a request to S3 is tried again, and after which pause. Pauses are random between nothing and
// a bound that doubles ("full jitter"), so that those who were turned away together do not come
// back together.

import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { IoError, type Random } from "@sampan/env";

/** One try and so many more: with the pauses below, about 10 seconds of an outage are bridged. */
const attemptsMax = 7;
const pauseMsMax = 10_000;

export interface RetryPauses {
  /** Bound of the pause before the second try, after a failure and after being throttled. */
  readonly failureMs: number;
  readonly throttleMs: number;
}

export const retryPauses: RetryPauses = { failureMs: 100, throttleMs: 500 };

/** `attempt` counts the tries that failed, from 1; `fraction` is chance, 0 ≤ f < 1. */
export function retryPauseMs(firstMs: number, attempt: number, fraction: number): number {
  return Math.floor(fraction * Math.min(firstMs * 2 ** (attempt - 1), pauseMsMax));
}

type RetryStrategy = Extract<
  Exclude<S3ClientConfig["retryStrategy"], undefined>,
  { recordSuccess: unknown }
>;
type RetryToken = Awaited<ReturnType<RetryStrategy["acquireInitialRetryToken"]>>;

/** What is worth another try the SDK knows; when and how often is decided here. */
export function createRetries(random: Random, pauses: RetryPauses): RetryStrategy {
  const token = (failures: number, delayMs: number): RetryToken => ({
    getRetryCount: () => failures,
    getRetryDelay: () => delayMs,
  });
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(last, failure) {
      const attempt = last.getRetryCount() + 1;
      const { error, errorType } = failure;
      const mayPass = errorType === "THROTTLING" || errorType === "TRANSIENT";
      // The SDK throws what it met itself, whatever is thrown here.
      if (!mayPass || attempt >= attemptsMax) throw error ?? new IoError("io", "given up");
      const firstMs = errorType === "THROTTLING" ? pauses.throttleMs : pauses.failureMs;
      return token(attempt, retryPauseMs(firstMs, attempt, random.fraction()));
    },
    recordSuccess: () => undefined,
  };
}
