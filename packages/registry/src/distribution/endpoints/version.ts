// GET /v2/: "is this a version 2 registry, and may I come in" (OCI distribution-spec, end-1).

import { jsonReply, type Reply } from "../reply.ts";

const body = "{}";

export function getVersion(): Reply {
  return jsonReply(200, body);
}
