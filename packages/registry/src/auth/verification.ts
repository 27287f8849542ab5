// From an Authorization header to an identity. A credential that was verified shortly before is
// remembered; parallel requests with one credential, as clients send them, are verified once.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Unsettled } from "../meta/outcome.ts";
import { parseAuthorization } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import type { PasswordLogin } from "./password-login.ts";
import { createCredentialKeys, createRemembered } from "./remembered.ts";
import type { Tokens } from "./tokens.ts";

export type VerifyFailure =
  /** Wrong, expired, forged; `other` is a scheme we do not speak, or a header that is none. */
  | { readonly code: "wrong"; readonly scheme: "basic" | "bearer" | "other" }
  | { readonly code: "too-many"; readonly retryAfterS: number }
  | Unsettled;

export type Verified = Result<Identity, VerifyFailure>;

export interface Verification {
  /** No promise for a remembered credential. Hot path. */
  verify(authorization: string): Verified | Promise<Verified>;
  /** After a password changed. */
  forget(): void;
}

/** A verified password is not checked again so long, nor is one that was wrong. */
const basicRememberedMs = 60_000;

export function createVerification(
  env: Env,
  deps: { readonly tokens: Tokens; readonly passwords: PasswordLogin },
): Verification {
  const keyOf = createCredentialKeys(env);
  const remembered = createRemembered<Identity>(env);
  const refused = createRemembered<VerifyFailure>(env);
  const underway = new Map<string, Promise<Verified>>();
  const afresh = async (key: string, authorization: string): Promise<Verified> => {
    const known = remembered.has(key);
    const fresh = await verifyAfresh(env, deps, { authorization, known });
    if (fresh.ok) {
      remembered.put(key, fresh.value.identity, fresh.value.forMs);
      return ok(fresh.value.identity);
    }
    if (fresh.error.code === "wrong") refused.put(key, fresh.error, basicRememberedMs);
    return fresh;
  };
  return {
    verify(authorization) {
      const key = keyOf(authorization);
      const identity = remembered.get(key);
      if (identity !== null) return ok(identity);
      const failure = refused.get(key);
      if (failure !== null) return err(failure);
      const same = underway.get(key);
      if (same !== undefined) return same;
      const verification = afresh(key, authorization).finally(() => underway.delete(key));
      underway.set(key, verification);
      return verification;
    },
    forget() {
      remembered.clear();
      refused.clear();
    },
  };
}

async function verifyAfresh(
  env: Env,
  deps: { readonly tokens: Tokens; readonly passwords: PasswordLogin },
  { authorization, known }: { readonly authorization: string; readonly known: boolean },
): Promise<Result<{ readonly identity: Identity; readonly forMs: number }, VerifyFailure>> {
  const credentials = parseAuthorization(authorization);
  if (credentials === null) return err({ code: "wrong", scheme: "other" });
  if (credentials.type === "bearer") {
    const verified = await deps.tokens.verify(credentials.token);
    if (!verified.ok) return verified;
    if (verified.value === null) return err({ code: "wrong", scheme: "bearer" });
    const { user, access, expiresMs } = verified.value;
    const identity: Identity = { type: "token", name: user, access };
    return ok({ identity, forMs: expiresMs - env.clock.now() });
  }
  const login = await deps.passwords.login(credentials.user, credentials.password, { known });
  if (!login.ok) {
    return err(login.error.code === "wrong" ? { code: "wrong", scheme: "basic" } : login.error);
  }
  const { name, id, admin } = login.value;
  return ok({ identity: { type: "user", name, id, admin }, forMs: basicRememberedMs });
}
