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

/** Harbor's realm; clients that know it (its CLI, terraform) show it. */
export const basicChallenge = 'Basic realm="harbor"';

// The origin may come from a header of the request (RFC 9110, section 5.6.4).
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/[^\x20-\x7e]/g, "")}"`;
}
