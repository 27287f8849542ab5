// The scope of a token request, `type:name:action,action` (distribution's token scope
// documentation). What cannot be read grants nothing, as other token servers do.

import type { RepositoryName } from "@sampan/oci/model";
import { parseRepositoryName } from "@sampan/oci/model";
import type { RepositoryAction } from "./rbac.ts";
import { repositoryActions } from "./rbac.ts";

export type Scope =
  | {
      readonly type: "repository";
      readonly repository: RepositoryName;
      readonly actions: readonly RepositoryAction[];
    }
  | { readonly type: "catalog" };

/** Scopes of one token; docker asks for two when it mounts. More are left out. */
export const scopesMax = 32;
const scopeCharsMax = 512;

/** `texts` are the scope parameters; each may hold several, separated by spaces. */
export function parseScopes(texts: readonly string[]): Scope[] {
  const parts = texts.flatMap((text) => text.split(" ", scopesMax)).slice(0, scopesMax);
  return parts.map(parseScope).filter((scope) => scope !== null);
}

function parseScope(text: string): Scope | null {
  if (text.length > scopeCharsMax) return null;
  // The name may hold colons (a host with a port), so the outer ones count.
  const first = text.indexOf(":");
  const last = text.lastIndexOf(":");
  if (first === -1 || first === last) return null;
  const name = text.slice(first + 1, last);
  const actions = text.slice(last + 1).split(",");
  // A class in parentheses, such as repository(plugin), says what the content is, not who may.
  const type = text.slice(0, first).replace(/\(.*\)$/, "");
  if (type === "registry")
    return name === "catalog" && actions.includes("*") ? { type: "catalog" } : null;
  if (type !== "repository") return null;
  const repository = parseRepositoryName(name);
  if (!repository.ok) return null;
  return { type, repository: repository.value, actions: knownActions(actions) };
}

function knownActions(actions: readonly string[]): RepositoryAction[] {
  return repositoryActions.filter((action) => actions.includes(action) || actions.includes("*"));
}
