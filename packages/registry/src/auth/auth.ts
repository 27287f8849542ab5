// Who calls, and may they: the face that every edge of the registry asks.

import type { Env, Result } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";

export type RepositoryAction = "pull" | "push" | "delete";

/** What the token of a docker login may do, as it was granted when the token was issued. */
export interface TokenAccess {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export type Identity =
  | { readonly type: "anonymous" }
  | { readonly type: "user"; readonly name: string; readonly id: number; readonly admin: boolean }
  /** `name` is null for an anonymous token. */
  | {
      readonly type: "token";
      readonly name: string | null;
      readonly access: readonly TokenAccess[];
    };

/** For the audit: the user's name, or `anonymous`. */
export declare function actorOf(identity: Identity): string;

/** What a request on /v2/ needs. */
export type Need =
  /** GET /v2/: any valid credential. */
  | { readonly type: "version" }
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
  | { readonly code: "too-many-requests"; readonly message: string; readonly retryAfterS: number };

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

  /** Who calls the management API (Basic); null: no credentials. */
  identify(authorization: string | null): Promise<Result<Identity, AuthFailure>>;
}

export interface AuthOptions {
  /** `none`: everybody is admin; for benches and closed networks. */
  readonly mode: "token" | "none";
}

export declare function createAuth(
  env: Env,
  deps: { readonly store: Store },
  options: AuthOptions,
): Auth;
