// When a request is sent again, and how long after. Pure but for the chance that spreads the waits,
// which the caller hands in.

import { errorCode, IoError } from "@sampan/env";

/** Times that one request is sent again, unless told otherwise. */
export const retriesDefault = 5;
/** A registry that asks for a longer pause gets no second request: whoever asked decides. */
export const retryWaitMsMax = 60_000;

const backoffMsFirst = 250;
const backoffMsMax = 8_000;

/** Statuses of a registry, or of a proxy before it, that say nothing about the request itself. */
const passing: readonly number[] = [429, 502, 503, 504];

const passingErrnos: readonly string[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN"];

/** Whether the next try may be answered otherwise. */
export function isPassingStatus(status: number): boolean {
  return passing.includes(status);
}

/**
 * Whether a connection broke that was there. One that is refused, a name that is unknown and a
 * certificate that is not trusted stay so: waiting only hides the mistake.
 */
export function isBrokenConnection(error: unknown): boolean {
  if (!(error instanceof IoError) || error.code !== "unreachable") return false;
  return passingErrnos.includes(errorCode(error.cause) ?? "");
}

/** Of a registry that has answered before: it restarts, which a request outlasts. */
export function isRefusedConnection(error: unknown): boolean {
  if (!(error instanceof IoError) || error.code !== "unreachable") return false;
  return errorCode(error.cause) === "ECONNREFUSED";
}

/** Faults in the middle of a transfer after which its rest is asked for. */
export function isTransferFault(error: unknown): error is IoError {
  if (!(error instanceof IoError)) return false;
  if (["interrupted", "stalled", "server-error"].includes(error.code)) return true;
  return isBrokenConnection(error) || isRefusedConnection(error);
}

/**
 * Milliseconds before try `attempt` + 1 (the first is 0): doubling, and between half and all of it.
 * `fraction` is chance, so that many clients that failed together do not come back together.
 */
export function backoffMs(attempt: number, fraction: number): number {
  const full = Math.min(backoffMsFirst * 2 ** attempt, backoffMsMax);
  return Math.round(full / 2 + (full / 2) * fraction);
}
