// GET /v2/_catalog: the repositories that the caller may pull. No part of the OCI specification any
// more, but of every registry (Docker Registry HTTP API V2, "Listing Repositories").

import type { Snapshot } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import type { Identity } from "../../auth/auth.ts";
import type { ProjectName } from "../../core/project-name.ts";
import { allows } from "../../core/rbac.ts";
import { listProjects, listRepositoryNames } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { nextLink } from "../links.ts";
import { type Page, parsePage } from "../pages.ts";
import { reading } from "../reading.ts";
import { failureReply, jsonReply, type Reply } from "../reply.ts";
import { type DistributionRequest, queryOf } from "../request.ts";

const entriesDefault = 1_000;
const projectsTogether = 1_000;

export async function getCatalog(
  context: DistributionContext,
  request: DistributionRequest,
  identity: Identity,
): Promise<Reply> {
  const page = parsePage(queryOf(request), entriesDefault);
  if (!page.ok) return failureReply(page.error);
  const person = await context.auth?.personOf(identity);
  const seesAll = person === undefined || (person.type === "user" && person.admin);
  const { names, more } = await reading(context.store, (reader) =>
    seesAll ? listAll(reader, page.value) : listVisible(reader, page.value),
  );
  const last = names.at(-1);
  const { limit } = page.value;
  const link =
    more && last !== undefined ? nextLink("/v2/_catalog", { n: String(limit), last }) : [];
  return jsonReply(200, JSON.stringify({ repositories: names }), link);
}

interface Names {
  readonly names: readonly RepositoryName[];
  readonly more: boolean;
}

function listAll(reader: Snapshot, { after, limit }: Page): Promise<Names> {
  return listRepositoryNames(reader, { project: null, after, limit });
}

/**
 * Project by project, so that what the caller may not see costs nothing but its project's record.
 */
async function listVisible(reader: Snapshot, { after, limit }: Page): Promise<Names> {
  const names: RepositoryName[] = [];
  if (limit === 0) return { names, more: false };
  for (const project of await visibleProjects(reader, after)) {
    // One more than wanted tells whether anything follows.
    const page = { project, after, limit: limit + 1 - names.length };
    names.push(...(await listRepositoryNames(reader, page)).names);
    if (names.length > limit) return { names: names.slice(0, limit), more: true };
  }
  return { names, more: false };
}

/** In the order of their repositories' names: `a-b/x` comes before `a/x`. */
async function visibleProjects(reader: Snapshot, after: string | null): Promise<ProjectName[]> {
  const visible: ProjectName[] = [];
  for (let behind: string | null = null; ; ) {
    const page = await listProjects(reader, { after: behind, limit: projectsTogether });
    for (const project of page.projects) {
      const isPassed = after !== null && after >= endOf(project.name);
      if (!isPassed && allows({ admin: false }, project, "pull")) visible.push(project.name);
    }
    if (!page.more) break;
    behind = page.projects.at(-1)?.name ?? null;
  }
  return visible.sort((one, other) => (`${one}/` < `${other}/` ? -1 : 1));
}

/** Behind every name of the project: no name has a sign that comes behind `z`. */
function endOf(project: ProjectName): string {
  return `${project}/~`;
}
