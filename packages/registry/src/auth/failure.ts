// What a caller is told who may not, and the challenge that goes with it.

import type { BearerError } from "./challenge.ts";
import { basicChallenge, bearerChallenge } from "./challenge.ts";
import type { Need } from "./need.ts";
import type { VerifyFailure } from "./verification.ts";

export type AuthFailure =
  /** 401: the header of the answer is `WWW-Authenticate: <challenge>`. */
  | { readonly code: "unauthorized"; readonly message: string; readonly challenge: string }
  /** 403 */
  | { readonly code: "denied"; readonly message: string }
  /** 429: too many wrong guesses, or too many passwords to check at once. */
  | { readonly code: "too-many-requests"; readonly message: string; readonly retryAfterS: number }
  /** 503: the store did not settle the making of the token key. */
  | { readonly code: "unavailable"; readonly message: string };

export const wrongPassword: AuthFailure = {
  code: "unauthorized",
  message: "wrong user name or password",
  challenge: basicChallenge,
};

export const unavailable: AuthFailure = {
  code: "unavailable",
  message: "the store did not settle a write; try again",
};

export function tooMany(retryAfterS: number): AuthFailure {
  const message = `too many logins; try again in ${retryAfterS} s`;
  return { code: "too-many-requests", message, retryAfterS };
}

export function denied(need: Need): AuthFailure {
  const right =
    need.type === "repository" ? `${need.actions.join(", ")} on ${need.repository}` : "that";
  return { code: "denied", message: `this user has no right to ${right}` };
}

/** `error`: what was wrong with the token that came, null when none did. */
export function challengeFor(origin: string, need: Need, error: BearerError | null): AuthFailure {
  const message = error === "invalid_token" ? "the token is invalid or expired" : missing(need);
  return { code: "unauthorized", message, challenge: challengeText(origin, need, error) };
}

function missing(need: Need): string {
  if (need.type !== "repository") return "authentication required";
  return `unauthorized to access repository ${need.repository} (${need.actions.join(", ")})`;
}

function challengeText(origin: string, need: Need, error: BearerError | null): string {
  switch (need.type) {
    case "catalog":
      // As Harbor answers for the catalogue, and its clients expect.
      return basicChallenge;
    case "version":
      return bearerChallenge(origin, [], error);
    case "repository": {
      const scope = `repository:${need.repository}:${need.actions.join(",")}`;
      return bearerChallenge(origin, [scope], error);
    }
  }
}

export function verifyFailure(origin: string, need: Need, failure: VerifyFailure): AuthFailure {
  switch (failure.code) {
    case "wrong":
      if (failure.scheme === "basic") return wrongPassword;
      return challengeFor(origin, need, failure.scheme === "bearer" ? "invalid_token" : null);
    case "too-many":
      return tooMany(failure.retryAfterS);
    case "contended":
    case "undetermined":
      return unavailable;
  }
}
