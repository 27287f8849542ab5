// Answers a registry's challenge: Basic, or Docker's token flow (distribution's token
// authentication specification, and its OAuth 2 form for identity tokens). Tokens are kept per
// scope until shortly before they expire; requests that need one at the same time share it.

import type { Env, Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Challenge } from "./challenge.ts";
import { parseChallenges } from "./challenge.ts";
import type { RemoteFailure } from "./failure.ts";
import { readFailure } from "./failure.ts";
import type { HttpClient, HttpRequest } from "./http-client.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /**
   * What a login left instead of a password: exchanged at the token service, sent nowhere else.
   */
  readonly identityToken?: string;
}

export interface Authorization {
  /** The `Authorization` header for a scope as far as it is known before asking; null: none yet. */
  header(scope: string, signal?: AbortSignal): Promise<Result<string | null, RemoteFailure>>;
  /** The header to try after a 401; null: nothing to try. A failure is the token service's. */
  challenged(refused: RefusedRequest): Promise<Result<string | null, RemoteFailure>>;
}

export interface RefusedRequest {
  readonly wwwAuthenticate: string | null;
  /** What the request needs, such as `repository:library/alpine:pull`; empty for nothing named. */
  readonly scope: string;
  /** The header that was refused; null: none. */
  readonly sent: string | null;
  readonly signal: AbortSignal | undefined;
}

export interface AuthorizationDeps {
  readonly http: HttpClient;
  readonly credentials: Credentials | null;
  readonly registry: URL;
}

interface TokenService {
  readonly realm: URL;
  readonly service: string | null;
}

interface Token {
  readonly header: string;
  /** Monotonic, milliseconds. */
  readonly expiresAt: number;
}

const tokenBytesMax = 256 * 1024;
/** Tokens that are kept; the oldest goes first. */
const tokensMax = 256;
/** What the specification says when the answer does not. */
const tokenSecondsDefault = 60;
/** A token is renewed after this share of its life, so that it does not expire on the way. */
const tokenLifeShare = 0.8;

export function createAuthorization(env: Env, deps: AuthorizationDeps): Authorization {
  const tokens = new Map<string, Token>();
  // What the registry's first challenge taught us, so that later requests need none.
  let learned: TokenService | "basic" | null = null;

  const fetching = new Map<string, Promise<Result<string, RemoteFailure>>>();

  const fetchToken = async (
    service: TokenService,
    need: TokenNeed,
  ): Promise<Result<string, RemoteFailure>> => {
    const answer = await requestToken(deps, service, need);
    if (!answer.ok) return answer;
    const header = `Bearer ${answer.value.token}`;
    const expiresAt = env.clock.monotonic() + answer.value.seconds * 1000 * tokenLifeShare;
    if (tokens.size >= tokensMax) tokens.delete(tokens.keys().next().value ?? "");
    tokens.set(need.scope, { header, expiresAt });
    return ok(header);
  };

  const renewToken = (
    service: TokenService,
    need: TokenNeed,
  ): Promise<Result<string, RemoteFailure>> => {
    const running = fetching.get(need.scope);
    // What ended the other's request, such as its signal, need not end this one.
    if (running !== undefined) return running.catch(() => renewToken(service, need));
    const started = fetchToken(service, need).finally(() => fetching.delete(need.scope));
    fetching.set(need.scope, started);
    return started;
  };

  const liveToken = (scope: string): string | null => {
    const token = tokens.get(scope);
    if (token !== undefined && env.clock.monotonic() < token.expiresAt) return token.header;
    tokens.delete(scope);
    return null;
  };

  return {
    header: async (scope, signal) => {
      if (learned === null) return ok(null);
      if (learned === "basic") return ok(basicHeader(deps.credentials));
      const live = liveToken(scope);
      if (live !== null) return ok(live);
      return await renewToken(learned, { scope, asked: scope, ...given(signal) });
    },
    challenged: async ({ wwwAuthenticate, scope, sent, signal }) => {
      const challenges = parseChallenges(wwwAuthenticate ?? "");
      const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
      if (bearer !== undefined) {
        const service = readTokenService(bearer, deps.registry);
        learned = service;
        // Another request, refused for the same reason, may have been quicker.
        const live = liveToken(scope);
        if (live !== null && live !== sent) return ok(live);
        tokens.delete(scope);
        const asked = joinScopes(scope, bearer.parameters.get("scope") ?? "");
        return await renewToken(service, { scope, asked, ...given(signal) });
      }
      if (!challenges.some((challenge) => challenge.scheme === "basic")) return ok(null);
      learned = "basic";
      return ok(basicHeader(deps.credentials));
    },
  };
}

/** What is needed and what the registry says is needed, each once. */
function joinScopes(needed: string, named: string): string {
  return [...new Set([...needed.split(" "), ...named.split(" ")])].join(" ").trim();
}

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function basicHeader(credentials: Credentials | null): string | null {
  if (credentials === null || credentials.identityToken !== undefined) return null;
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`);
  return `Basic ${pair.toString("base64")}`;
}

// The password goes to whatever service the registry names, as with every client of this flow; but
// never in the clear when the registry itself is spoken to under TLS.
function readTokenService(challenge: Challenge, registry: URL): TokenService {
  const text = challenge.parameters.get("realm") ?? "";
  const realm = URL.canParse(text, registry.href) ? new URL(text, registry) : null;
  const protocols = registry.protocol === "https:" ? ["https:"] : ["https:", "http:"];
  if (realm === null || !protocols.includes(realm.protocol)) {
    throw new IoError("protocol", `the registry names no usable token service: ${text}`);
  }
  return { realm, service: challenge.parameters.get("service") ?? null };
}

interface TokenNeed {
  /** Under which the token is kept. */
  readonly scope: string;
  /** What the token service is asked for; several scopes are apart by a space. */
  readonly asked: string;
  readonly signal?: AbortSignal;
}

async function requestToken(
  deps: AuthorizationDeps,
  service: TokenService,
  need: TokenNeed,
): Promise<Result<{ token: string; seconds: number }, RemoteFailure>> {
  const response = await deps.http.send(tokenRequest(deps, service, need));
  const name = `the token service ${service.realm.origin}${service.realm.pathname}`;
  if (response.status !== 200) return err(await readFailure(response, name));
  return ok(readToken(await response.bytes(tokenBytesMax)));
}

function tokenRequest(
  deps: AuthorizationDeps,
  service: TokenService,
  need: TokenNeed,
): HttpRequest {
  const identityToken = deps.credentials?.identityToken;
  if (identityToken !== undefined) return oauthRequest(service, need, identityToken);
  const url = new URL(service.realm);
  if (service.service !== null) url.searchParams.append("service", service.service);
  for (const scope of need.asked.split(" ")) {
    if (scope !== "") url.searchParams.append("scope", scope);
  }
  const header = basicHeader(deps.credentials);
  if (deps.credentials !== null) url.searchParams.append("account", deps.credentials.username);
  const headers = {
    accept: "application/json",
    ...(header === null ? {} : { authorization: header }),
  };
  return { method: "GET", url, headers, repeatable: true, ...given(need.signal) };
}

/** Docker's "Registry v2 Bearer token authentication using OAuth2": a POST with a form. */
function oauthRequest(service: TokenService, need: TokenNeed, identityToken: string): HttpRequest {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: identityToken,
    client_id: "sampan",
    ...(service.service === null ? {} : { service: service.service }),
    ...(need.asked === "" ? {} : { scope: need.asked }),
  });
  const bytes = Buffer.from(form.toString());
  return {
    method: "POST",
    url: service.realm,
    headers: {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
    },
    body: { bytes: bytes.length, open: () => once(bytes) },
    repeatable: true,
    ...given(need.signal),
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function readToken(body: Uint8Array): { token: string; seconds: number } {
  const answer = parseJson(body);
  const token = answer["token"] || answer["access_token"];
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    throw new IoError("protocol", "the token service answered without a token");
  }
  const seconds = answer["expires_in"];
  return { token, seconds: typeof seconds === "number" ? seconds : tokenSecondsDefault };
}

function parseJson(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
