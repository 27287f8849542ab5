// A project is the first component of a repository's name: `library/nginx` lies in `library`.
// Projects are flat, as Harbor's are, and a repository always lies in one.

import type { RepositoryName } from "@sampan/oci/model";

export type ProjectName = string & { readonly brand: "ProjectName" };

/** Harbor's bound. */
export const projectNameCharsMax = 255;

const grammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/** One component of a repository name (OCI distribution-spec, "Pulling manifests"); else null. */
export function parseProjectName(text: string): ProjectName | null {
  return text.length <= projectNameCharsMax && grammar.test(text) ? (text as ProjectName) : null;
}

/** Null for a name of one component: such a repository cannot exist. */
export function projectOf(repository: RepositoryName): ProjectName | null {
  const slash = repository.indexOf("/");
  return slash === -1 ? null : (repository.slice(0, slash) as ProjectName);
}
