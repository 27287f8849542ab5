// What anyone may ask: is it there, is it well, what is it.

import { errorMessage } from "@sampan/env";
import type { ProjectName } from "../core/project-name.ts";
import { findProject } from "../meta/projects.ts";
import type { ApiHealth, ApiSystemInfo } from "../schema.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read, reply } from "./route.ts";

/** The Harbor whose API this follows; clients look at it to know what they may ask. */
const harborVersion = "v2.15.0";

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/api/version", access: "open", schema: {}, handle: version },
  { method: "GET", path: "/api/v2.0/ping", access: "open", schema: {}, handle: ping },
  { method: "GET", path: "/api/v2.0/health", access: "open", schema: {}, handle: health },
  { method: "GET", path: "/api/v2.0/systeminfo", access: "anyone", schema: {}, handle: systemInfo },
];

async function version(): Promise<ApiReply> {
  return reply(200, { version: "v2.0" });
}

async function ping(): Promise<ApiReply> {
  return reply(200, "Pong");
}

async function health(context: Context): Promise<ApiReply> {
  const component = await storeHealth(context);
  const body: ApiHealth = { status: component.status, components: [component] };
  return reply(200, body);
}

async function storeHealth(context: Context): Promise<ApiHealth["components"][number]> {
  try {
    await read(context, (reader) => findProject(reader, "library" as ProjectName));
    return { name: "store", status: "healthy" };
  } catch (error) {
    context.env.log.warn("the store does not answer", { error: errorMessage(error) });
    return { name: "store", status: "unhealthy", error: "the store does not answer" };
  }
}

async function systemInfo(context: Context, request: ApiRequest): Promise<ApiReply> {
  const open: ApiSystemInfo = {
    auth_mode: "db_auth",
    primary_auth_mode: false,
    self_registration: false,
    banner_message: "",
    sampan_auth: context.auth.mode === "none" ? "none" : "password",
  };
  if (request.identity.type !== "user") return reply(200, open);
  const origin = context.originOf(request.headers);
  const full: ApiSystemInfo = {
    ...open,
    harbor_version: `${harborVersion}-sampan.${context.version}`,
    sampan_version: context.version,
    registry_url: origin.replace(/^https?:\/\//, ""),
    external_url: origin,
    project_creation_restriction: "adminonly",
    read_only: false,
    has_ca_root: false,
    registry_storage_provider_name: "filesystem",
    current_time: isoTime(context.env.clock.now()),
  };
  return reply(200, full);
}

/** `ms` since the epoch, as RFC 3339. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
