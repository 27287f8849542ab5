// Who may do what with a repository. Pure: the shell brings what it knows of the caller and the
// project.

export type RepositoryAction = "pull" | "push" | "delete";

export const repositoryActions = [
  "pull",
  "push",
  "delete",
] as const satisfies readonly RepositoryAction[];

export interface Subject {
  /** System administrator. */
  readonly admin: boolean;
}

/** `project` is null when there is none of that name: only administrators learn that. */
export function allows(
  subject: Subject,
  project: { readonly public: boolean } | null,
  action: RepositoryAction,
): boolean {
  if (subject.admin) return true;
  return action === "pull" && project?.public === true;
}
