// Who calls, once a credential was verified.

import type { RepositoryAction } from "../core/rbac.ts";
import type { TokenAccess } from "./tokens.ts";

export type Identity =
  | { readonly type: "anonymous" }
  | { readonly type: "user"; readonly name: string; readonly id: number; readonly admin: boolean }
  /** `name` is null for an anonymous token. */
  | {
      readonly type: "token";
      readonly name: string | null;
      readonly access: readonly TokenAccess[];
    };

export const anonymous: Identity = { type: "anonymous" };

/** For the audit: the user's name, or `anonymous`. */
export function actorOf(identity: Identity): string {
  return identity.type === "anonymous" ? "anonymous" : (identity.name ?? "anonymous");
}

/** Does the token allow all of the actions on a resource? */
export function grants(
  access: readonly TokenAccess[],
  type: "repository" | "registry",
  need: { readonly name: string; readonly actions: readonly (RepositoryAction | "*")[] },
): boolean {
  const own = access.filter((entry) => entry.type === type && entry.name === need.name);
  return need.actions.every((action) => own.some((entry) => entry.actions.includes(action)));
}
