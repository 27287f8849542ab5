// The Authorization header, read: Basic (RFC 7617) or Bearer (RFC 6750).

export type Credentials =
  | { readonly type: "basic"; readonly user: string; readonly password: string }
  | { readonly type: "bearer"; readonly token: string };

/** Longer ones are refused unread; a token for 32 scopes is far below. */
export const authorizationCharsMax = 16 * 1024;

/** Null when it is neither, or is not well formed. The scheme's case does not matter (RFC 9110). */
export function parseAuthorization(header: string): Credentials | null {
  if (header.length > authorizationCharsMax) return null;
  const space = header.indexOf(" ");
  if (space === -1) return null;
  const rest = header.slice(space + 1).trim();
  switch (header.slice(0, space).toLowerCase()) {
    case "basic":
      return parseBasic(rest);
    case "bearer":
      return rest === "" ? null : { type: "bearer", token: rest };
    default:
      return null;
  }
}

function parseBasic(encoded: string): Credentials | null {
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) return null;
  return { type: "basic", user: text.slice(0, colon), password: text.slice(colon + 1) };
}
