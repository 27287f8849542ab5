// A project is the first component of a repository's name: `library/nginx` lies in `library`. Projects
// are flat, as Harbor's are, and a repository always lies in one.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { RepositoryName } from "@sampan/oci/model";

export type ProjectName = string & { readonly brand: "ProjectName" };

/** Harbor's bound. */
export const projectNameCharsMax = 255;

const grammar = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/** One component of a repository name (OCI distribution-spec, "Pulling manifests"). */
export function parseProjectName(text: string): Result<ProjectName, "project-name-invalid"> {
  if (text.length > projectNameCharsMax || !grammar.test(text)) return err("project-name-invalid");
  return ok(text as ProjectName);
}

/** Null for a name of one component: such a repository cannot exist. */
export function projectOf(repository: RepositoryName): ProjectName | null {
  const slash = repository.indexOf("/");
  return slash === -1 ? null : (repository.slice(0, slash) as ProjectName);
}
