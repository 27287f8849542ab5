// WWW-Authenticate: where a client gets a token and which scope to ask for (distribution's token
// authentication), or that it should send its password.

import { tokenService } from "./tokens.ts";

export type BearerError = "invalid_token" | "insufficient_scope";

/** `scopes` as `repository:name:pull,push`; `error` when a token came and did not do. */
export function bearerChallenge(
  origin: string,
  scopes: readonly string[],
  error: BearerError | null,
): string {
  const parameters = [
    ["realm", `${origin}/service/token`],
    ["service", tokenService],
    ...(scopes.length === 0 ? [] : [["scope", scopes.join(" ")]]),
    ...(error === null ? [] : [["error", error]]),
  ];
  return `Bearer ${parameters.map(([name, value]) => `${name}=${quoted(value ?? "")}`).join(",")}`;
}

/**
 * Clients of Harbor go by the scheme: for the catalogue it has to be Basic (goharbor/harbor#12192).
 * The realm is for people, whose browser shows it, so it says where they are.
 */
export const basicChallenge = 'Basic realm="sampan"';

// The origin may come from a header of the request (RFC 9110, section 5.6.4).
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/[^\x20-\x7e]/g, "")}"`;
}
