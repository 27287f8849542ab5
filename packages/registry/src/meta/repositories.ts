// Repositories: there is a record once a first manifest was pushed.

import type { Reader } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";

export interface Repository {
  readonly name: RepositoryName;
  /** Wall clock of the store, milliseconds since the epoch. */
  readonly createdMs: number;
}

export interface RepositoryPage {
  readonly repositories: readonly Repository[];
  readonly more: boolean;
}

export declare function findRepository(
  reader: Reader,
  name: RepositoryName,
): Promise<Repository | null>;

/** In lexical order, behind `after` (any text), of one project or (null) of all. Limit 0 to 10,000. */
export declare function listRepositories(
  reader: Reader,
  page: {
    readonly project: ProjectName | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<RepositoryPage>;
