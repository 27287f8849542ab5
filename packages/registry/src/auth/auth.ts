// Who calls, and may they: the face that every edge of the registry asks.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import { projectOf } from "../core/project-name.ts";
import type { RepositoryAction } from "../core/rbac.ts";
import { allows } from "../core/rbac.ts";
import type { Scope } from "../core/scope.ts";
import { adminName } from "../meta/installation.ts";
import type { Unsettled } from "../meta/outcome.ts";
import { findProject } from "../meta/projects.ts";
import type { BearerError } from "./challenge.ts";
import { basicChallenge, bearerChallenge } from "./challenge.ts";
import { parseAuthorization } from "./credentials.ts";
import type { Identity } from "./identity.ts";
import { anonymous, grants } from "./identity.ts";
import type { PasswordLogin } from "./password-login.ts";
import { createPasswordLogin } from "./password-login.ts";
import type { Remembered } from "./remembered.ts";
import { createRemembered } from "./remembered.ts";
import type { IssuedToken, TokenAccess, Tokens } from "./tokens.ts";
import { createTokens } from "./tokens.ts";

export type { RepositoryAction } from "../core/rbac.ts";
export { actorOf, type Identity } from "./identity.ts";
export type { IssuedToken, TokenAccess } from "./tokens.ts";

/** What a request on /v2/ needs. */
export type Need =
  /** GET /v2/: any valid credential. */
  | { readonly type: "version" }
  /** The list of all repositories: administrators only. */
  | { readonly type: "catalog" }
  | {
      readonly type: "repository";
      readonly repository: RepositoryName;
      /** All of them. A push asks for pull too, as docker does. */
      readonly actions: readonly RepositoryAction[];
    };

export interface Caller {
  /** The header's value; null where there is none. */
  readonly authorization: string | null;
  /** Scheme, host and port under which the caller reaches us, no slash at the end. */
  readonly origin: string;
}

export type AuthFailure =
  /** 401: the header of the answer is `WWW-Authenticate: <challenge>`. */
  | { readonly code: "unauthorized"; readonly message: string; readonly challenge: string }
  /** 403 */
  | { readonly code: "denied"; readonly message: string }
  /** 429: too many wrong guesses, or too many passwords to check at once. */
  | { readonly code: "too-many-requests"; readonly message: string; readonly retryAfterS: number }
  /** 503: the store could not settle the making of the token key. */
  | { readonly code: "unavailable"; readonly message: string };

export interface Auth {
  /**
   * Decides a request on /v2/. Answers at once (no promise) for a credential that was verified
   * shortly before, which is nearly always. Without credentials it is always a challenge, also for
   * public projects: docker asks for a token, anonymous where it has no login, only then.
   */
  check(
    caller: Caller,
    need: Need,
  ): Result<Identity, AuthFailure> | Promise<Result<Identity, AuthFailure>>;

  /** May this caller also do that? For the source of a mount. */
  may(
    identity: Identity,
    repository: RepositoryName,
    action: RepositoryAction,
  ): boolean | Promise<boolean>;

  /** Who calls the management API: a user (Basic), or anonymous without credentials. */
  identify(authorization: string | null): Promise<Result<Identity, AuthFailure>>;

  /** A token with as much of the scopes as the caller may; for `anonymous` too. */
  issueToken(
    identity: Identity,
    scopes: readonly Scope[],
  ): Promise<Result<IssuedToken, AuthFailure>>;

  /** Forgets what was verified: after a password changed. */
  forget(): void;
}

export interface AuthOptions {
  /** `none`: everybody is the administrator; for benches and closed networks. */
  readonly mode: "token" | "none";
}

/** A verified password is not checked again so long. */
const basicRememberedMs = 60_000;

export function createAuth(env: Env, deps: { readonly store: Store }, options: AuthOptions): Auth {
  if (options.mode === "none") return createOpenAuth(env, deps);
  const parts: Parts = {
    env,
    store: deps.store,
    tokens: createTokens(env, deps),
    passwords: createPasswordLogin(env, deps),
    remembered: createRemembered<Identity>(env),
    underway: new Map(),
  };
  return {
    check: (caller, need) => check(parts, caller, need),
    may: (identity, repository, action) => may(parts.store, identity, { repository, action }),
    identify: (authorization) => identify(parts, authorization),
    issueToken: (identity, scopes) => issueToken(parts, identity, scopes),
    forget: () => parts.remembered.clear(),
  };
}

const everybody: Identity = { type: "user", name: adminName, id: 1, admin: true };

function createOpenAuth(env: Env, deps: { readonly store: Store }): Auth {
  const parts = { store: deps.store, tokens: createTokens(env, deps) };
  return {
    check: () => ok(everybody),
    may: () => true,
    identify: async () => ok(everybody),
    // Clients that were told to log in still ask for a token; nobody looks at it.
    issueToken: (_, scopes) => issueToken(parts, everybody, scopes),
    forget: () => {},
  };
}

interface Parts {
  readonly env: Env;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly passwords: PasswordLogin;
  readonly remembered: Remembered<Identity>;
  /** Verifications under way: a client's parallel requests with one credential are verified once. */
  readonly underway: Map<string, Promise<Result<Identity, VerifyFailure>>>;
}

type VerifyFailure =
  | { readonly code: "wrong"; readonly scheme: "basic" | "bearer" | "other" }
  | { readonly code: "too-many"; readonly retryAfterS: number }
  | Unsettled;

// Hot path: a credential that is remembered is decided without a promise.
function check(parts: Parts, caller: Caller, need: Need) {
  if (caller.authorization === null) return err(challengeFor(caller, need, null));
  const key = parts.remembered.keyOf(caller.authorization);
  const identity = parts.remembered.get(key);
  if (identity !== null) return decide(parts, identity, { caller, need });
  return checkAfresh(parts, key, { caller, need });
}

interface Request {
  readonly caller: Caller;
  readonly need: Need;
}

async function checkAfresh(parts: Parts, key: string, request: Request) {
  const authorization = request.caller.authorization ?? "";
  const verified = await verifyOnce(parts, key, authorization);
  if (verified.ok) return decide(parts, verified.value, request);
  return err(failureOf(verified.error, request));
}

function verifyOnce(
  parts: Parts,
  key: string,
  authorization: string,
): Promise<Result<Identity, VerifyFailure>> {
  const underway = parts.underway.get(key);
  if (underway !== undefined) return underway;
  const verification = verify(parts, key, authorization).finally(() => parts.underway.delete(key));
  parts.underway.set(key, verification);
  return verification;
}

async function verify(
  { env, tokens, passwords, remembered }: Parts,
  key: string,
  authorization: string,
): Promise<Result<Identity, VerifyFailure>> {
  const credentials = parseAuthorization(authorization);
  if (credentials === null) return err({ code: "wrong", scheme: "other" });
  if (credentials.type === "bearer") {
    const verified = await tokens.verify(credentials.token);
    if (!verified.ok) return verified;
    if (verified.value === null) return err({ code: "wrong", scheme: "bearer" });
    const { user, access, expiresMs } = verified.value;
    const identity: Identity = { type: "token", name: user, access };
    remembered.put(key, identity, expiresMs - env.clock.now());
    return ok(identity);
  }
  const login = await passwords.login(credentials.user, credentials.password);
  if (!login.ok) {
    return err(login.error.code === "wrong" ? { code: "wrong", scheme: "basic" } : login.error);
  }
  const { name, id, admin } = login.value;
  const identity: Identity = { type: "user", name, id, admin };
  remembered.put(key, identity, basicRememberedMs);
  return ok(identity);
}

function failureOf(failure: VerifyFailure, { caller, need }: Request): AuthFailure {
  switch (failure.code) {
    case "wrong":
      if (failure.scheme === "bearer") return challengeFor(caller, need, "invalid_token");
      if (failure.scheme === "other") return challengeFor(caller, need, null);
      return wrongPassword;
    case "too-many":
      return tooMany(failure.retryAfterS);
    default:
      return unavailable;
  }
}

const wrongPassword: AuthFailure = {
  code: "unauthorized",
  message: "wrong user name or password",
  challenge: basicChallenge,
};

const unavailable: AuthFailure = {
  code: "unavailable",
  message: "the store did not settle a write; try again",
};

function tooMany(retryAfterS: number): AuthFailure {
  const message = `too many logins; try again in ${retryAfterS} s`;
  return { code: "too-many-requests", message, retryAfterS };
}

function challengeFor(caller: Caller, need: Need, error: BearerError | null): AuthFailure {
  const message =
    error === "invalid_token" ? "the token is invalid or expired" : unauthorizedWord(need);
  // As Harbor answers, and its clients expect, for the catalogue.
  const challenge =
    need.type === "catalog"
      ? basicChallenge
      : bearerChallenge(caller.origin, scopesOf(need), error);
  return { code: "unauthorized", message, challenge };
}

function unauthorizedWord(need: Need): string {
  if (need.type !== "repository") return "authentication required";
  return `unauthorized to access repository ${need.repository} (${need.actions.join(", ")})`;
}

function scopesOf(need: Need): string[] {
  if (need.type !== "repository") return [];
  return [`repository:${need.repository}:${need.actions.join(",")}`];
}

/** What an identity may; a promise only where a project has to be read. */
function decide(
  parts: Parts,
  identity: Identity,
  { caller, need }: Request,
): Result<Identity, AuthFailure> | Promise<Result<Identity, AuthFailure>> {
  if (need.type === "version") return ok(identity);
  if (identity.type === "token") {
    if (tokenAllows(identity.access, need)) return ok(identity);
    // A new challenge and not 403: clients then ask for a token with this scope.
    return err(challengeFor(caller, need, "insufficient_scope"));
  }
  if (identity.type === "user" && identity.admin) return ok(identity);
  if (need.type === "catalog") return err(denied(need));
  return decideByProject(parts.store, identity, need);
}

function tokenAllows(access: readonly TokenAccess[], need: Need): boolean {
  if (need.type === "version") return true;
  if (need.type === "catalog")
    return grants(access, "registry", { name: "catalog", actions: ["*"] });
  return grants(access, "repository", { name: need.repository, actions: need.actions });
}

async function decideByProject(
  store: Store,
  identity: Identity,
  need: Extract<Need, { type: "repository" }>,
): Promise<Result<Identity, AuthFailure>> {
  const project = await readProject(store, need.repository);
  const subject = { admin: false };
  const allowed = need.actions.every((action) => allows(subject, project, action));
  return allowed ? ok(identity) : err(denied(need));
}

function denied(need: Need): AuthFailure {
  const what =
    need.type === "repository" ? `to ${need.actions.join(", ")} ${need.repository}` : "to that";
  return { code: "denied", message: `this user has no right ${what}` };
}

async function readProject(store: Store, repository: RepositoryName) {
  const name = projectOf(repository);
  if (name === null) return null;
  const snapshot = await store.snapshot();
  try {
    return await findProject(snapshot, name);
  } finally {
    snapshot.release();
  }
}

function may(
  store: Store,
  identity: Identity,
  what: { readonly repository: RepositoryName; readonly action: RepositoryAction },
): boolean | Promise<boolean> {
  const { repository, action } = what;
  if (identity.type === "token") {
    return grants(identity.access, "repository", { name: repository, actions: [action] });
  }
  const subject = { admin: identity.type === "user" && identity.admin };
  if (subject.admin) return true;
  return readProject(store, repository).then((project) => allows(subject, project, action));
}

async function identify(
  parts: Parts,
  authorization: string | null,
): Promise<Result<Identity, AuthFailure>> {
  if (authorization === null) return ok(anonymous);
  const key = parts.remembered.keyOf(authorization);
  const identity = parts.remembered.get(key);
  const verified = identity === null ? await verifyOnce(parts, key, authorization) : ok(identity);
  if (verified.ok && verified.value.type !== "token") return verified;
  // A registry token is for /v2/: it may have been given to a client that must not manage.
  if (verified.ok || verified.error.code === "wrong") return err(wrongPassword);
  if (verified.error.code === "too-many") return err(tooMany(verified.error.retryAfterS));
  return err(unavailable);
}

async function issueToken(
  { store, tokens }: Pick<Parts, "store" | "tokens">,
  identity: Identity,
  scopes: readonly Scope[],
): Promise<Result<IssuedToken, AuthFailure>> {
  const access: TokenAccess[] = [];
  for (const scope of scopes) access.push(await grantedOf(store, identity, scope));
  const user = identity.type === "anonymous" ? null : identity.name;
  const issued = await tokens.issue({ user, access });
  return issued.ok ? issued : err(unavailable);
}

async function grantedOf(store: Store, identity: Identity, scope: Scope): Promise<TokenAccess> {
  if (scope.type === "catalog") {
    const admin = identity.type === "user" && identity.admin;
    return { type: "registry", name: "catalog", actions: admin ? ["*"] : [] };
  }
  const { repository } = scope;
  const actions: RepositoryAction[] = [];
  for (const action of scope.actions) {
    if (await may(store, identity, { repository, action })) actions.push(action);
  }
  return { type: "repository", name: repository, actions };
}
