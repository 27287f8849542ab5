// What happened: the events that the audit, the jobs and the webhooks read. A pull is no event in
// the store (it would turn every read into a write), nor is a wrong password (a stranger could fill
// the log): both are metrics and log lines.

import type { Digest, RepositoryName, Tag } from "@sampan/oci/model";
import type { ProjectName } from "../core/project-name.ts";

export type EventBody =
  /** Also when only a tag moved to it. `tags` are those that changed. */
  | {
      readonly type: "artifact.pushed";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly mediaType: string;
      readonly tags: readonly Tag[];
    }
  | {
      readonly type: "artifact.deleted";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tags: readonly Tag[];
    }
  | {
      readonly type: "tag.deleted";
      readonly repository: RepositoryName;
      readonly digest: Digest;
      readonly tag: Tag;
    }
  | { readonly type: "repository.deleted"; readonly repository: RepositoryName }
  | { readonly type: "project.created"; readonly project: ProjectName; readonly public: boolean }
  | { readonly type: "project.updated"; readonly project: ProjectName; readonly public: boolean }
  | { readonly type: "project.deleted"; readonly project: ProjectName }
  | { readonly type: "user.password-changed"; readonly user: string };

/** As a row of the outbox carries it. */
export type OutboxEvent = EventBody & {
  /** Wall clock of the process that made the change, milliseconds since the epoch. */
  readonly occurredMs: number;
  readonly actor: string;
};

/** As the log has it. */
export type LogEvent = OutboxEvent & {
  /** Dense, from 1. */
  readonly seq: number;
};
