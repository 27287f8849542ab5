// GET /v2/<name>/tags/list (OCI distribution-spec, end-8): lexical order, `n`, `last`, `Link`.

import { listTags } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { nextLink } from "../links.ts";
import { pageEntriesMax, parsePage } from "../pages.ts";
import { reading } from "../reading.ts";
import { failureReply, jsonReply, type Reply } from "../reply.ts";
import { type Call, queryOf } from "../request.ts";

export async function getTags(context: DistributionContext, call: Call): Promise<Reply> {
  const page = parsePage(queryOf(call.request), pageEntriesMax);
  if (!page.ok) return failureReply(page.error);
  const { limit } = page.value;
  const found = await reading(context.store, (reader) =>
    listTags(reader, call.repository, page.value),
  );
  if (found === null) return failureReply("name-unknown", { detail: { name: call.repository } });
  const { json, last, more } = found;
  const path = `/v2/${call.repository}/tags/list`;
  const link = more && last !== null ? nextLink(path, { n: String(limit), last }) : [];
  return jsonReply(200, `{"name":"${call.repository}","tags":${json}}`, link);
}
