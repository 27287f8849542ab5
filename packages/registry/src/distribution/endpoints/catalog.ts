// GET /v2/_catalog: every repository, for administrators. No part of the OCI specification any
// more, but of every registry (Docker Registry HTTP API V2, "Listing Repositories").

import { listRepositories } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { nextLink } from "../links.ts";
import { parsePage } from "../pages.ts";
import { reading } from "../reading.ts";
import { failureReply, jsonReply, type Reply } from "../reply.ts";
import { type DistributionRequest, queryOf } from "../request.ts";

const entriesDefault = 1_000;

export async function getCatalog(
  context: DistributionContext,
  request: DistributionRequest,
): Promise<Reply> {
  const page = parsePage(queryOf(request), entriesDefault);
  if (!page.ok) return failureReply(page.error);
  const { limit, after } = page.value;
  const { repositories, more } = await reading(context.store, (reader) =>
    listRepositories(reader, { project: null, after, limit }),
  );
  const names = repositories.map((repository) => repository.name);
  const last = names.at(-1);
  const link =
    more && last !== undefined ? nextLink("/v2/_catalog", { n: String(limit), last }) : [];
  return jsonReply(200, JSON.stringify({ repositories: names }), link);
}
