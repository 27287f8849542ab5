// The event log as Harbor's audit log: /api/v2.0/auditlog-exts, newest first. Its numbers are
// dense, so a page is found without counting.

import type { LogEvent } from "../events/event.ts";
import { readEvents, readHead } from "../events/log.ts";
import type { ApiEvent } from "../schema.ts";
import { failed } from "./failure.ts";
import { type PageQuery, pagedReply, pageQuery } from "./paging.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read } from "./route.ts";
import { isoTime } from "./system.ts";

const listQuery = {
  type: "object",
  required: ["page", "page_size"],
  properties: pageQuery,
} as const;

export const auditRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/v2.0/auditlog-exts",
    access: "admin",
    schema: { query: listQuery },
    handle: list,
  },
];

async function list(context: Context, request: ApiRequest<unknown, PageQuery>): Promise<ApiReply> {
  const { query } = request;
  if (query.q !== undefined || query.sort !== undefined) {
    return failed(
      "bad-request",
      "the audit log is given whole, newest first; q and sort are not known",
    );
  }
  return read(context, async (reader) => {
    const head = await readHead(reader);
    const newest = head.seq - (query.page - 1) * query.page_size;
    const oldest = Math.max(newest - query.page_size + 1, 1);
    const limit = newest - oldest + 1;
    const page = limit > 0 ? await readEvents(reader, { after: oldest - 1, limit }) : null;
    const body = (page?.events ?? []).map(apiEvent).reverse();
    return pagedReply(request.url, query, { total: head.seq, body });
  });
}

function apiEvent(event: LogEvent): ApiEvent {
  const { resource, type, operation } = describe(event);
  return {
    id: event.seq,
    username: event.actor,
    resource,
    resource_type: type,
    operation,
    operation_description: `${operation} ${type}: ${resource}`,
    operation_result: true,
    op_time: isoTime(event.occurredMs),
  };
}

interface Described {
  readonly resource: string;
  readonly type: string;
  readonly operation: string;
}

function describe(event: LogEvent): Described {
  switch (event.type) {
    case "artifact.pushed":
      return { resource: artifactOf(event), type: "artifact", operation: "create" };
    case "artifact.deleted":
      return { resource: artifactOf(event), type: "artifact", operation: "delete" };
    case "tag.deleted":
      return { resource: `${event.repository}:${event.tag}`, type: "tag", operation: "delete" };
    case "repository.deleted":
      return { resource: event.repository, type: "repository", operation: "delete" };
    case "project.created":
      return { resource: event.project, type: "project", operation: "create" };
    case "project.updated":
      return { resource: event.project, type: "project", operation: "update" };
    case "project.deleted":
      return { resource: event.project, type: "project", operation: "delete" };
    case "user.password-changed":
      return { resource: event.user, type: "user", operation: "update" };
  }
}

function artifactOf(event: {
  repository: string;
  digest: string;
  tags: readonly string[];
}): string {
  const [tag] = event.tags;
  return tag === undefined ? `${event.repository}@${event.digest}` : `${event.repository}:${tag}`;
}
