// What a request on /v2/ needs of its caller.

import type { RepositoryName } from "@sampan/oci/model";
import type { RepositoryAction } from "../core/rbac.ts";

export type Need =
  /** GET /v2/: any valid credential. */
  | { readonly type: "version" }
  /** The list of repositories: any valid credential; it shows what the caller may pull. */
  | { readonly type: "catalog" }
  | {
      readonly type: "repository";
      readonly repository: RepositoryName;
      /** All of them. A push asks for pull too, as docker does. */
      readonly actions: readonly RepositoryAction[];
    };
