// What a caller is told who may not, and the challenge that goes with it.

import type { RepositoryName } from "@sampan/oci/model";
import { projectOf } from "../core/project-name.ts";
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
  return { code: "denied", message: `this user has no right to ${refused(need)}` };
}

function refused(need: Need): string {
  if (need.type !== "repository") return "that";
  const { actions, repository } = need;
  if (actions.includes("push")) return `push to ${repository}; ${pushHint(repository)}`;
  return `${actions.join(", ")} on ${repository}`;
}

/** The same words whether the project exists or not: who may not push is not to learn that. */
function pushHint(repository: RepositoryName): string {
  const project = projectOf(repository);
  const naming = "images are named PROJECT/NAME";
  if (project === null) return `${naming}, and ${repository} names no project`;
  const making = `an administrator makes it with: sampan project create ${project}`;
  return `${naming}; if there is no project ${project} yet, ${making}`;
}

/** `error`: what was wrong with the token that came, null when none did. */
export function challengeFor(origin: string, need: Need, error: BearerError | null): AuthFailure {
  const message = error === "invalid_token" ? "the token is invalid or expired" : missing(need);
  return { code: "unauthorized", message, challenge: challengeText(origin, need, error) };
}

function missing(need: Need): string {
  if (need.type !== "repository") return "authentication required";
  if (need.actions.includes("push")) {
    const { repository } = need;
    return `log in as a user who may push to ${repository}; ${pushHint(repository)}`;
  }
  return `unauthorized to access repository ${need.repository} (${need.actions.join(", ")})`;
}

function challengeText(origin: string, need: Need, error: BearerError | null): string {
  switch (need.type) {
    case "catalog":
      // Basic to who comes without anything, as clients of Harbor expect. podman search comes with
      // a token of no scope, and asks for another only where a Bearer challenge names the scope.
      if (error === null) return basicChallenge;
      return bearerChallenge(origin, ["registry:catalog:*"], error);
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
