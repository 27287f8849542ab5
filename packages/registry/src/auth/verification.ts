// From an Authorization header to an identity. A credential that was verified shortly before is
// cached; parallel requests with one credential, as clients send them, are verified once.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Unsettled } from "../meta/outcome.ts";
import { createCredentialCache, createCredentialKeys } from "./credential-cache.ts";
import type { Credentials } from "./credentials.ts";
import { parseAuthorization } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { PasswordLogin } from "./password-login.ts";
import type { Tokens } from "./tokens.ts";

export type VerifyFailure =
  /** Wrong, expired, forged; `other` is a scheme we do not speak, or a header that is none. */
  | { readonly code: "wrong"; readonly scheme: "basic" | "bearer" | "other" }
  | { readonly code: "too-many"; readonly retryAfterS: number }
  | Unsettled;

export type Verified = Result<Identity, VerifyFailure>;

export interface Verification {
  /** No promise for a cached credential. Hot path. */
  verify(authorization: string, clientAddress: string | null): Verified | Promise<Verified>;
  /** After a password changed. */
  forget(): void;
}

/** A verified password is not checked again so long, nor is one that was wrong. */
const passwordCachedMs = 60_000;

export function createVerification(
  env: Env,
  deps: { readonly tokens: Tokens; readonly passwords: PasswordLogin },
): Verification {
  const keyOf = createCredentialKeys(env);
  // Apart, for a stranger can have as many tokens, and send as many wrong passwords, as it likes.
  const right = createCredentialCache<Identity>(env);
  const wrong = createCredentialCache<VerifyFailure>(env);
  const tokens = createCredentialCache<Identity>(env);
  const underway = new Map<string, Underway>();

  async function afresh(key: string, presented: Presented): Promise<Verified> {
    const credentials = parseAuthorization(presented.authorization);
    if (credentials === null) return err({ code: "wrong", scheme: "other" });
    if (credentials.type === "bearer") {
      const verified = await verifyToken(env, deps.tokens, credentials.token);
      if (!verified.ok) return verified;
      tokens.put(key, verified.value.identity, verified.value.forMs);
      return ok(verified.value.identity);
    }
    const verified = await verifyPassword(deps.passwords, credentials, presented.clientAddress);
    if (verified.ok) right.put(key, verified.value, passwordCachedMs);
    else if (verified.error.code === "wrong") wrong.put(key, verified.error, passwordCachedMs);
    return verified;
  }

  function verify(authorization: string, clientAddress: string | null) {
    const key = keyOf(authorization);
    const identity = tokens.get(key) ?? right.get(key);
    if (identity !== null) return ok(identity);
    const failure = wrong.get(key);
    if (failure !== null) return err(failure);
    const same = underway.get(key);
    if (same !== undefined) return join(same, { authorization, clientAddress });
    const verified = afresh(key, { authorization, clientAddress }).finally(() =>
      underway.delete(key),
    );
    underway.set(key, { verified, clientAddress });
    return verified;
  }

  // Another client's budget is not this one's.
  async function join(same: Underway, presented: Presented): Promise<Verified> {
    const verified = await same.verified;
    const isOthers = same.clientAddress !== presented.clientAddress;
    if (verified.ok || verified.error.code !== "too-many" || !isOthers) return verified;
    return verify(presented.authorization, presented.clientAddress);
  }

  return {
    verify,
    forget() {
      right.clear();
      wrong.clear();
      tokens.clear();
    },
  };
}

interface Presented {
  readonly authorization: string;
  readonly clientAddress: string | null;
}

interface Underway {
  readonly verified: Promise<Verified>;
  readonly clientAddress: string | null;
}

async function verifyToken(
  env: Env,
  tokens: Tokens,
  token: string,
): Promise<Result<{ readonly identity: Identity; readonly forMs: number }, VerifyFailure>> {
  const verified = await tokens.verify(token);
  if (!verified.ok) return verified;
  if (verified.value === null) return err({ code: "wrong", scheme: "bearer" });
  const { user, access, expiresMs } = verified.value;
  const identity: Identity = { type: "token", name: user, access };
  return ok({ identity, forMs: expiresMs - env.clock.now() });
}

async function verifyPassword(
  passwords: PasswordLogin,
  { user, password }: Credentials & { readonly type: "basic" },
  clientAddress: string | null,
): Promise<Verified> {
  const login = await passwords.login({ name: user, password, clientAddress });
  if (login.ok) {
    const { name, id, admin } = login.value;
    return ok({ type: "user", name, id, admin });
  }
  return err(login.error.code === "wrong" ? { code: "wrong", scheme: "basic" } : login.error);
}
