// Who calls, and may they: the face that every edge of the registry asks.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { RepositoryAction } from "../core/rbac.ts";
import type { Scope } from "../core/scope.ts";
import { adminId, adminName } from "../meta/installation.ts";
import type { AuthFailure } from "./failure.ts";
import {
  challengeFor,
  denied,
  tooMany,
  unavailable,
  verifyFailure,
  wrongPassword,
} from "./failure.ts";
import type { Identity } from "./identity.ts";
import { anonymous } from "./identity.ts";
import type { Need } from "./need.ts";
import type { PasswordChange, PasswordChangeFailure } from "./password-change.ts";
import { changePassword } from "./password-change.ts";
import { createPasswordLogin } from "./password-login.ts";
import type { ScryptCosts } from "./passwords.ts";
import { createPasswords, scryptCosts } from "./passwords.ts";
import { grantedOf, mayList, mayUse, personOf } from "./permissions.ts";
import type { IssuedToken, TokenAccess, Tokens } from "./tokens.ts";
import { createTokens } from "./tokens.ts";
import type { Verification, Verified } from "./verification.ts";
import { createVerification } from "./verification.ts";

export type { RepositoryAction } from "../core/rbac.ts";
export type { AuthFailure } from "./failure.ts";
export { actorOf, type Identity } from "./identity.ts";
export type { Need } from "./need.ts";
export type { PasswordChange, PasswordChangeFailure } from "./password-change.ts";
export type { IssuedToken, TokenAccess } from "./tokens.ts";

export interface Presented {
  /** The header's value; null where there is none. */
  readonly authorization: string | null;
  /** Of the other end of the connection, to whom wrong passwords are counted; null: unknown. */
  readonly clientAddress: string | null;
}

export interface Caller extends Presented {
  /** Scheme, host and port under which the caller reaches us, no slash at the end. */
  readonly origin: string;
}

export interface Auth {
  readonly mode: AuthOptions["mode"];

  /**
   * Decides a request on /v2/. Answers at once (no promise) for a credential that was verified
   * shortly before, which is nearly always. Without credentials it is always a challenge, also for
   * public projects: docker asks for a token, anonymous where it has no login, only then.
   */
  check(
    caller: Caller,
    need: Need,
  ): Result<Identity, AuthFailure> | Promise<Result<Identity, AuthFailure>>;

  /** May this caller also do that? */
  may(
    identity: Identity,
    repository: RepositoryName,
    action: RepositoryAction,
  ): boolean | Promise<boolean>;

  /**
   * The person behind the caller, with all of that person's rights. For the catalog and the source
   * of a mount, which a client cannot name in the scope of a token before it has them.
   */
  personOf(identity: Identity): Promise<Identity>;

  /** Who calls the management API: a user (Basic), or anonymous without credentials. */
  identify(presented: Presented): Promise<Result<Identity, AuthFailure>>;

  /** A token with as much of the scopes as the caller may; for `anonymous` too. */
  issueToken(
    identity: Identity,
    scopes: readonly Scope[],
  ): Promise<Result<IssuedToken, AuthFailure>>;

  /** Checks the old password, sets the new one, and forgets what was verified in this process. */
  changePassword(change: PasswordChange): Promise<Result<null, PasswordChangeFailure>>;
}

export interface AuthOptions {
  /** `none`: everybody is the administrator; for benches and closed networks. */
  readonly mode: "token" | "none";
  /** For tests: what a password check costs; `scryptCosts` where it is not given. */
  readonly scrypt?: ScryptCosts;
}

export function createAuth(env: Env, deps: { readonly store: Store }, options: AuthOptions): Auth {
  const { store } = deps;
  const tokens = createTokens(env, deps);
  const passwords = createPasswords(env, options.scrypt ?? scryptCosts);
  const login = createPasswordLogin(env, { store, passwords });
  const verification = createVerification(env, { tokens, passwords: login });
  const parts: Parts = { store, tokens, verification };
  const shared = {
    changePassword: async (change: PasswordChange) => {
      const changed = await changePassword({ store, passwords, login }, change);
      if (changed.ok) verification.forget();
      return changed;
    },
    issueToken: (identity: Identity, scopes: readonly Scope[]) =>
      issueToken(parts, identity, scopes),
  };
  if (options.mode === "none") return { mode: "none", ...openAuth, ...shared };
  return {
    mode: "token",
    check: (caller, need) => check(parts, caller, need),
    may: (identity, repository, action) =>
      mayUse(store, identity, { repository, actions: [action] }),
    personOf: (identity) => personOf(store, identity),
    identify: (presented) => identify(verification, presented),
    ...shared,
  };
}

const everybody: Identity = { type: "user", name: adminName, id: adminId, admin: true };

const openAuth = {
  check: () => ok(everybody),
  may: () => true,
  personOf: async () => everybody,
  identify: async () => ok(everybody),
} satisfies Pick<Auth, "check" | "may" | "personOf" | "identify">;

interface Parts {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly verification: Verification;
}

// Hot path: a credential that is cached is decided without a promise.
function check(parts: Parts, caller: Caller, need: Need) {
  if (caller.authorization === null) return err(challengeFor(caller.origin, need, null));
  const verified = parts.verification.verify(caller.authorization, caller.clientAddress);
  if (!(verified instanceof Promise))
    return decideVerified(parts.store, verified, { caller, need });
  return verified.then((fresh) => decideVerified(parts.store, fresh, { caller, need }));
}

interface Request {
  readonly caller: Caller;
  readonly need: Need;
}

function decideVerified(store: Store, verified: Verified, { caller, need }: Request) {
  if (!verified.ok) return err(verifyFailure(caller.origin, need, verified.error));
  const identity = verified.value;
  const may = mayDo(store, identity, need);
  // For a token a new challenge and not 403: clients then ask for a token with this scope.
  const refusal = () =>
    err(
      identity.type === "token"
        ? challengeFor(caller.origin, need, "insufficient_scope")
        : denied(need),
    );
  if (!(may instanceof Promise)) return may ? verified : refusal();
  return may.then((allowed) => (allowed ? verified : refusal()));
}

function mayDo(store: Store, identity: Identity, need: Need): boolean | Promise<boolean> {
  switch (need.type) {
    case "version":
      return true;
    case "catalog":
      return mayList(identity);
    case "repository":
      return mayUse(store, identity, need);
  }
}

async function identify(
  verification: Verification,
  { authorization, clientAddress }: Presented,
): Promise<Result<Identity, AuthFailure>> {
  if (authorization === null) return ok(anonymous);
  const verified = await verification.verify(authorization, clientAddress);
  if (verified.ok && verified.value.type !== "token") return verified;
  // A registry token is for /v2/: it may have been given to a client that must not manage.
  if (verified.ok || verified.error.code === "wrong") return err(wrongPassword);
  if (verified.error.code === "too-many") return err(tooMany(verified.error.retryAfterS));
  return err(unavailable);
}

async function issueToken(
  { store, tokens }: Parts,
  identity: Identity,
  scopes: readonly Scope[],
): Promise<Result<IssuedToken, AuthFailure>> {
  const access: TokenAccess[] = [];
  for (const scope of scopes) access.push(await grantedOf(store, identity, scope));
  const user = identity.type === "anonymous" ? null : identity.name;
  const issued = await tokens.issue({ user, access });
  return issued.ok ? issued : err(unavailable);
}
