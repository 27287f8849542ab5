// What an identity may: the token's grants, or the rules of core/rbac.ts with the project read.

import type { Store } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import { projectOf } from "../core/project-name.ts";
import type { RepositoryAction } from "../core/rbac.ts";
import { allows } from "../core/rbac.ts";
import type { Scope } from "../core/scope.ts";
import { findProject } from "../meta/projects.ts";
import { findUser } from "../meta/users.ts";
import type { Identity } from "./identity.ts";
import { anonymous, grants } from "./identity.ts";
import type { TokenAccess } from "./tokens.ts";

export interface RepositoryUse {
  readonly repository: RepositoryName;
  /** All of them. */
  readonly actions: readonly RepositoryAction[];
}

export function isAdmin(identity: Identity): boolean {
  return identity.type === "user" && identity.admin;
}

/** A promise only where the project has to be read. Hot path. */
export function mayUse(
  store: Store,
  identity: Identity,
  use: RepositoryUse,
): boolean | Promise<boolean> {
  const { repository, actions } = use;
  if (identity.type === "token") {
    return grants(identity.access, "repository", { name: repository, actions });
  }
  return isAdmin(identity) || mayUseByProject(store, use);
}

async function mayUseByProject(store: Store, { repository, actions }: RepositoryUse) {
  const project = await readProject(store, repository);
  return actions.every((action) => allows({ admin: false }, project, action));
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

/** Who was let in may list; what the list shows is what the person behind may pull. */
export function mayList(identity: Identity): boolean {
  if (identity.type !== "token") return true;
  return grants(identity.access, "registry", { name: "catalog", actions: ["*"] });
}

/** Whom a token was issued to, as the user is now; a user who is gone is nobody in particular. */
export async function personOf(store: Store, identity: Identity): Promise<Identity> {
  if (identity.type !== "token") return identity;
  if (identity.name === null) return anonymous;
  const snapshot = await store.snapshot();
  try {
    const user = await findUser(snapshot, identity.name);
    if (user === null) return anonymous;
    return { type: "user", name: user.name, id: user.id, admin: user.admin };
  } finally {
    snapshot.release();
  }
}

/** As much of the scope as the identity may. */
export async function grantedOf(
  store: Store,
  identity: Identity,
  scope: Scope,
): Promise<TokenAccess> {
  if (scope.type === "catalog") {
    return { type: "registry", name: "catalog", actions: ["*"] };
  }
  const { repository } = scope;
  const actions: RepositoryAction[] = [];
  for (const action of scope.actions) {
    if (await mayUse(store, identity, { repository, actions: [action] })) actions.push(action);
  }
  return { type: "repository", name: repository, actions };
}
