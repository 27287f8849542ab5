// Projects: who may see what is decided on them. Flat, by name; ids only because Harbor's clients ask.

import type { Result } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { ProjectName } from "../core/project-name.ts";
import type { Unsettled } from "./outcome.ts";

export interface Project {
  readonly id: number;
  readonly name: ProjectName;
  /** Anyone may pull. */
  readonly public: boolean;
  readonly owner: string;
  /** Wall clock of the store, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

export declare function findProject(reader: Reader, name: ProjectName): Promise<Project | null>;

export declare function findProjectById(reader: Reader, id: number): Promise<Project | null>;

export interface ProjectPage {
  readonly projects: readonly Project[];
  readonly more: boolean;
}

/** In lexical order, behind `after`. Limit 0 to 10,000. */
export declare function listProjects(
  reader: Reader,
  page: { readonly after: string | null; readonly limit: number },
): Promise<ProjectPage>;

export declare function createProject(
  store: Store,
  project: { readonly name: ProjectName; readonly public: boolean; readonly actor: string },
): Promise<Result<Project, { readonly code: "project-exists" } | Unsettled>>;

export declare function setProjectPublic(
  store: Store,
  what: { readonly name: ProjectName; readonly public: boolean; readonly actor: string },
): Promise<Result<Project, { readonly code: "project-unknown" } | Unsettled>>;

/** Refused while the project has repositories. */
export declare function deleteProject(
  store: Store,
  what: { readonly name: ProjectName; readonly actor: string },
): Promise<
  Result<
    null,
    { readonly code: "project-unknown" } | { readonly code: "project-not-empty" } | Unsettled
  >
>;
