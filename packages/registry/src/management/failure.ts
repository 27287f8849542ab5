// The one table that turns what went wrong into status, code and body, as Harbor's clients know
// them.

import type { AuthFailure } from "../auth/auth.ts";
import { basicChallenge } from "../auth/challenge.ts";
import type { Unsettled } from "../meta/outcome.ts";
import type { ApiErrors } from "../schema.ts";
import type { ApiReply } from "./route.ts";

export const apiFailures = {
  "bad-request": { status: 400, code: "BAD_REQUEST" },
  unauthorized: { status: 401, code: "UNAUTHORIZED" },
  forbidden: { status: 403, code: "FORBIDDEN" },
  "not-found": { status: 404, code: "NOT_FOUND" },
  "method-not-allowed": { status: 405, code: "METHOD_NOT_ALLOWED" },
  conflict: { status: 409, code: "CONFLICT" },
  precondition: { status: 412, code: "PRECONDITION" },
  "too-large": { status: 413, code: "REQUEST_ENTITY_TOO_LARGE" },
  "unsupported-media-type": { status: 415, code: "BAD_REQUEST" },
  "too-many-requests": { status: 429, code: "TOO_MANY_REQUEST" },
  unavailable: { status: 503, code: "UNAVAILABLE" },
  unknown: { status: 500, code: "UNKNOWN" },
} as const satisfies Record<string, { readonly status: number; readonly code: string }>;

export type ApiFailure = keyof typeof apiFailures;

/** All but 401, which never goes without a challenge. */
export function failed(
  failure: Exclude<ApiFailure, "unauthorized">,
  message: string,
  headers?: Readonly<Record<string, string>>,
): ApiReply {
  const body = errorsOf(failure, message);
  const { status } = apiFailures[failure];
  return headers === undefined ? { status, body } : { status, headers, body };
}

/** The challenge is no choice: RFC 9110, section 15.5.2. Clients send Basic only after it. */
export function unauthorized(message: string, challenge = basicChallenge): ApiReply {
  const headers = { "WWW-Authenticate": challenge };
  const { status } = apiFailures.unauthorized;
  return { status, headers, body: errorsOf("unauthorized", message) };
}

function errorsOf(failure: ApiFailure, message: string): ApiErrors {
  return { errors: [{ code: apiFailures[failure].code, message }] };
}

export function authFailed(failure: AuthFailure): ApiReply {
  switch (failure.code) {
    case "unauthorized":
      return unauthorized(failure.message, failure.challenge);
    case "denied":
      return failed("forbidden", failure.message);
    case "too-many-requests":
      return failed(failure.code, failure.message, {
        "Retry-After": String(failure.retryAfterS),
      });
    case "unavailable":
      return failed(failure.code, failure.message, retrySoon);
  }
}

const retrySoon = { "Retry-After": "1" };

/** What the store could not settle. */
export function unsettled(failure: Unsettled): ApiReply {
  const message =
    failure.code === "contended"
      ? "others are changing the same things; try again"
      : "nobody knows whether the change was made; look, and try again";
  return failed("unavailable", message, retrySoon);
}
