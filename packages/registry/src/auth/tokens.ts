// Registry tokens: JWTs (RFC 7519) that say what their bearer may do, with the fields of
// distribution's token specification and Harbor's issuer. ES256, because a check costs less than
// with RSA and the token is a third as long. The key is made once and kept in the store, so all
// processes know it.

import { generateKeyPairSync } from "node:crypto";
import type { Env, Result } from "@sampan/env";
import { ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { JWK } from "jose";
import { errors, jwtVerify, SignJWT } from "jose";
import type { Unsettled } from "../meta/outcome.ts";
import { settle } from "../meta/outcome.ts";
import { findSetting, putSetting } from "../meta/settings.ts";

export const tokenService = "harbor-registry";
const tokenIssuer = "harbor-token-issuer";
const tokenAlgorithm = "ES256";

/** Harbor's default. */
export const tokenLifeS = 30 * 60;
/** Clocks of two registries may differ by this much. */
const clockSkewS = 10;

/** What the bearer may do, as it was granted when the token was issued. */
export interface TokenAccess {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresInS: number;
  /** Milliseconds since the epoch. */
  readonly issuedMs: number;
}

export interface VerifiedToken {
  /** Null for an anonymous token. */
  readonly user: string | null;
  readonly access: readonly TokenAccess[];
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

export interface Tokens {
  issue(grant: {
    readonly user: string | null;
    readonly access: readonly TokenAccess[];
  }): Promise<Result<IssuedToken, Unsettled>>;
  /** Null: forged, expired, of another service, or no token at all. */
  verify(token: string): Promise<Result<VerifiedToken | null, Unsettled>>;
}

export function createTokens(env: Env, deps: { readonly store: Store }): Tokens {
  let loaded: Promise<Result<TokenKey, Unsettled>> | null = null;
  const key = async () => {
    loaded ??= loadTokenKey(deps.store);
    try {
      const result = await loaded;
      if (!result.ok) loaded = null;
      return result;
    } catch (error) {
      // A store that fails now may answer the next request.
      loaded = null;
      throw error;
    }
  };
  return {
    async issue(grant) {
      const current = await key();
      return current.ok ? ok(await sign(env, current.value, grant)) : current;
    },
    async verify(token) {
      const current = await key();
      return current.ok ? ok(await check(env, current.value, token)) : current;
    },
  };
}

interface TokenKey {
  readonly kid: string;
  readonly privateKey: JWK;
  readonly publicKey: JWK;
}

const tokenKeySetting = "token-key";

function loadTokenKey(store: Store): Promise<Result<TokenKey, Unsettled>> {
  // Made before the transaction, which may run more than once; the first to commit wins.
  const fresh = generateTokenKey();
  return settle<TokenKey, never>(store, async (transaction) => {
    const found = await findSetting<TokenKey>(transaction, tokenKeySetting);
    if (found !== null) return ok(found);
    putSetting(transaction, tokenKeySetting, fresh);
    return ok(fresh);
  });
}

function generateTokenKey(): TokenKey {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const privateKey = pair.privateKey.export({ format: "jwk" }) as JWK;
  const { d: _, ...publicKey } = privateKey;
  return { kid: (publicKey.x ?? "").slice(0, 16), privateKey, publicKey };
}

async function sign(
  env: Env,
  key: TokenKey,
  grant: { readonly user: string | null; readonly access: readonly TokenAccess[] },
): Promise<IssuedToken> {
  const issuedMs = env.clock.now();
  const issuedS = Math.floor(issuedMs / 1000);
  const token = await new SignJWT({ access: grant.access })
    .setProtectedHeader({ alg: tokenAlgorithm, typ: "JWT", kid: key.kid })
    .setIssuer(tokenIssuer)
    .setAudience(tokenService)
    .setSubject(grant.user ?? "")
    .setIssuedAt(issuedS)
    .setNotBefore(issuedS - clockSkewS)
    .setExpirationTime(issuedS + tokenLifeS)
    .setJti(env.random.uuid())
    .sign(key.privateKey);
  return { token, expiresInS: tokenLifeS, issuedMs };
}

async function check(env: Env, key: TokenKey, token: string): Promise<VerifiedToken | null> {
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [tokenAlgorithm],
      issuer: tokenIssuer,
      audience: tokenService,
      currentDate: new Date(env.clock.now()),
      requiredClaims: ["exp", "sub"],
    });
    const { sub = "", exp = 0, access } = payload;
    return { user: sub || null, access: readAccess(access), expiresMs: exp * 1000 };
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}

// Only we sign, but the signature says nothing about the form that an older version wrote.
function readAccess(value: unknown): TokenAccess[] {
  return Array.isArray(value) ? value.filter(isAccess) : [];
}

function isAccess(value: unknown): value is TokenAccess {
  if (typeof value !== "object" || value === null) return false;
  const { type, name, actions } = value as Partial<Record<keyof TokenAccess, unknown>>;
  return typeof type === "string" && typeof name === "string" && Array.isArray(actions);
}
