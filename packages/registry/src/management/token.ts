// The token service that a registry's challenge names: GET as distribution's token specification
// has it (docker, podman, skopeo), POST as its OAuth2 form (containerd tries it first).

import type { XStatic } from "typebox/schema";
import type { Identity, IssuedToken } from "../auth/auth.ts";
import { parseScopes } from "../core/scope.ts";
import type { ApiToken } from "../schema.ts";
import { authFailed, unauthorized } from "./failure.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { reply } from "./route.ts";
import { isoTime } from "./system.ts";

const path = "/service/token";

const oneOrMore = {
  anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
} as const;

const tokenQuery = {
  type: "object",
  properties: { service: { type: "string" }, account: { type: "string" }, scope: oneOrMore },
} as const;

/** A form (application/x-www-form-urlencoded). */
const tokenForm = {
  type: "object",
  required: ["grant_type"],
  properties: {
    grant_type: { type: "string" },
    service: { type: "string" },
    client_id: { type: "string" },
    scope: oneOrMore,
    username: { type: "string" },
    password: { type: "string" },
  },
} as const;

export const tokenRoutes: readonly Route[] = [
  { method: "GET", path, access: "anyone", schema: { query: tokenQuery }, handle: getToken },
  {
    method: "POST",
    path,
    access: "open",
    takesForm: true,
    schema: { body: tokenForm },
    handle: postToken,
  },
];

function textsOf(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

async function getToken(
  context: Context,
  request: ApiRequest<unknown, XStatic<typeof tokenQuery>>,
): Promise<ApiReply> {
  return issue(context, request.identity, textsOf(request.query.scope));
}

async function postToken(
  context: Context,
  request: ApiRequest<unknown, unknown, XStatic<typeof tokenForm>>,
): Promise<ApiReply> {
  const { grant_type: grant, username = "", password = "", scope } = request.body;
  if (grant !== "password") {
    // RFC 6749, section 5.2. There are no refresh tokens here, so docker was never given one.
    return reply(400, {
      error: "unsupported_grant_type",
      error_description: "the grant type is password",
    });
  }
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  const identified = await context.auth.identify({
    authorization: `Basic ${basic}`,
    clientAddress: request.clientAddress,
  });
  if (!identified.ok) return authFailed(identified.error);
  return issue(context, identified.value, textsOf(scope));
}

async function issue(
  context: Context,
  identity: Identity,
  scopes: readonly string[],
): Promise<ApiReply> {
  if (identity.type === "token") return unauthorized("a token cannot ask for a token");
  const issued = await context.auth.issueToken(identity, parseScopes(scopes));
  if (!issued.ok) return authFailed(issued.error);
  return {
    status: 200,
    headers: { "Cache-Control": "no-store" },
    body: apiToken(issued.value, scopes),
  };
}

function apiToken(issued: IssuedToken, scopes: readonly string[]): ApiToken {
  return {
    token: issued.token,
    access_token: issued.token,
    expires_in: issued.expiresInS,
    issued_at: isoTime(issued.issuedMs),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
  };
}
