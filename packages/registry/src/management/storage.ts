// The storage's own verbs, which Harbor has not: what the collector is about, and the check of what
// is stored. Below /api/v2.0/system, where Harbor has its garbage collection.

import { countWork, type StageStatus } from "../meta/index.ts";
import type { ApiGcStatus, ApiStoreCheck } from "../schema.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read, reply } from "./route.ts";
import { isoTime } from "./system.ts";

const afterQuery = {
  type: "object",
  properties: { after: { type: "string", maxLength: 512 } },
} as const;

export const storageRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/api/v2.0/system/gc/status",
    access: "admin",
    schema: {},
    handle: gcStatus,
  },
  {
    method: "POST",
    path: "/api/v2.0/system/store/check",
    access: "admin",
    schema: { query: afterQuery },
    handle: checkStore,
  },
];

async function gcStatus(context: Context): Promise<ApiReply> {
  const body = await read(context, async (reader): Promise<ApiGcStatus> => {
    const freed = await countWork(reader, "freed");
    const linked = await countWork(reader, "linked");
    const condemned = await countWork(reader, "condemned");
    return {
      grace_seconds: context.graceMs / 1000,
      to_look_at: apiStage(freed),
      young: apiStage(linked),
      condemned: apiStage(condemned),
    };
  });
  return reply(200, body);
}

function apiStage(status: StageStatus): ApiGcStatus["condemned"] {
  const { links, blobs, manifests, bytes, oldestMs, isWhole } = status;
  const oldest = oldestMs === null ? {} : { oldest: isoTime(oldestMs) };
  return { links, blobs, manifests, bytes, complete: isWhole, ...oldest };
}

async function checkStore(
  context: Context,
  request: ApiRequest<unknown, { readonly after?: string }>,
): Promise<ApiReply> {
  const page = await context.check.page(request.query.after ?? null);
  const { checked, bytes, findings, next } = page;
  const body: ApiStoreCheck = { checked, bytes, findings: [...findings], next };
  return reply(200, body);
}
