// The management API's schemas and types: all that the command line and the portal may see of the
// registry. Plain JSON Schema (draft 7, as fastify checks it); the types are derived from them by
// typebox, at compile time only, so that nothing of it is loaded. Names and fields are Harbor's.

import type { XStatic } from "typebox/schema";

export const apiBase = "/api/v2.0";

const time = { type: "string", format: "date-time" } as const;
const flag = { type: "string", enum: ["true", "false"] } as const;

export const errorsSchema = {
  type: "object",
  required: ["errors"],
  properties: {
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["code", "message"],
        properties: { code: { type: "string" }, message: { type: "string" } },
      },
    },
  },
} as const;
export type ApiErrors = XStatic<typeof errorsSchema>;

export const projectSchema = {
  type: "object",
  required: ["project_id", "name", "owner_name", "creation_time", "update_time", "metadata"],
  properties: {
    project_id: { type: "integer" },
    name: { type: "string" },
    owner_id: { type: "integer" },
    owner_name: { type: "string" },
    creation_time: time,
    update_time: time,
    deleted: { type: "boolean" },
    repo_count: { type: "integer" },
    metadata: { type: "object", required: ["public"], properties: { public: flag } },
  },
} as const;
export type ApiProject = XStatic<typeof projectSchema>;

/** Of the fields that Harbor takes, what is not understood is refused where it would matter. */
export const projectRequestSchema = {
  type: "object",
  required: ["project_name"],
  properties: {
    project_name: { type: "string", maxLength: 255 },
    public: { type: ["boolean", "null"] },
    metadata: { type: ["object", "null"], additionalProperties: { type: ["string", "null"] } },
    storage_limit: { type: ["integer", "null"] },
    registry_id: { type: ["integer", "null"] },
  },
} as const;
export type ApiProjectRequest = XStatic<typeof projectRequestSchema>;

export const projectUpdateSchema = {
  type: "object",
  properties: {
    public: { type: ["boolean", "null"] },
    metadata: { type: ["object", "null"], additionalProperties: { type: ["string", "null"] } },
  },
} as const;
export type ApiProjectUpdate = XStatic<typeof projectUpdateSchema>;

export const repositorySchema = {
  type: "object",
  required: ["id", "project_id", "name", "artifact_count", "creation_time", "update_time"],
  properties: {
    id: { type: "integer" },
    project_id: { type: "integer" },
    name: { type: "string" },
    artifact_count: { type: "integer" },
    pull_count: { type: "integer" },
    creation_time: time,
    update_time: time,
  },
} as const;
export type ApiRepository = XStatic<typeof repositorySchema>;

export const tagSchema = {
  type: "object",
  required: ["id", "name", "push_time", "immutable"],
  properties: {
    id: { type: "integer" },
    repository_id: { type: "integer" },
    artifact_id: { type: "integer" },
    name: { type: "string" },
    push_time: time,
    immutable: { type: "boolean" },
  },
} as const;
export type ApiTag = XStatic<typeof tagSchema>;

export const artifactSchema = {
  type: "object",
  required: ["id", "type", "digest", "manifest_media_type", "size", "push_time"],
  properties: {
    id: { type: "integer" },
    type: { type: "string" },
    project_id: { type: "integer" },
    repository_id: { type: "integer" },
    repository_name: { type: "string" },
    digest: { type: "string" },
    media_type: { type: "string" },
    manifest_media_type: { type: "string" },
    artifact_type: { type: "string" },
    size: { type: "integer" },
    push_time: time,
    tags: { anyOf: [{ type: "array", items: tagSchema }, { type: "null" }] },
  },
} as const;
export type ApiArtifact = XStatic<typeof artifactSchema>;

export const userSchema = {
  type: "object",
  required: ["user_id", "username", "sysadmin_flag"],
  properties: {
    user_id: { type: "integer" },
    username: { type: "string" },
    sysadmin_flag: { type: "boolean" },
    admin_role_in_auth: { type: "boolean" },
    creation_time: time,
    update_time: time,
  },
} as const;
export type ApiUser = XStatic<typeof userSchema>;

export const passwordRequestSchema = {
  type: "object",
  required: ["new_password"],
  properties: {
    old_password: { type: "string", maxLength: 1024 },
    new_password: { type: "string", maxLength: 1024 },
  },
} as const;
export type ApiPasswordRequest = XStatic<typeof passwordRequestSchema>;

export const systemInfoSchema = {
  type: "object",
  required: ["auth_mode", "self_registration"],
  properties: {
    auth_mode: { type: "string" },
    primary_auth_mode: { type: "boolean" },
    self_registration: { type: "boolean" },
    banner_message: { type: "string" },
    /** Ours: Harbor's `auth_mode` has no word for a registry without authentication. */
    sampan_auth: { type: "string", enum: ["password", "none"] },
    /** The rest only to who has logged in. */
    harbor_version: { type: "string" },
    sampan_version: { type: "string" },
    registry_url: { type: "string" },
    external_url: { type: "string" },
    project_creation_restriction: { type: "string" },
    read_only: { type: "boolean" },
    has_ca_root: { type: "boolean" },
    registry_storage_provider_name: { type: "string" },
    current_time: time,
  },
} as const;
export type ApiSystemInfo = XStatic<typeof systemInfoSchema>;

export const healthSchema = {
  type: "object",
  required: ["status", "components"],
  properties: {
    status: { type: "string", enum: ["healthy", "unhealthy"] },
    components: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "status"],
        properties: {
          name: { type: "string" },
          status: { type: "string", enum: ["healthy", "unhealthy"] },
          error: { type: "string" },
        },
      },
    },
  },
} as const;
export type ApiHealth = XStatic<typeof healthSchema>;

export const eventSchema = {
  type: "object",
  required: ["id", "username", "resource", "resource_type", "operation", "op_time"],
  properties: {
    id: { type: "integer" },
    username: { type: "string" },
    resource: { type: "string" },
    resource_type: { type: "string" },
    operation: { type: "string" },
    operation_description: { type: "string" },
    operation_result: { type: "boolean" },
    op_time: time,
  },
} as const;
export type ApiEvent = XStatic<typeof eventSchema>;

const gcStageSchema = {
  type: "object",
  required: ["links", "blobs", "manifests", "bytes", "complete"],
  properties: {
    links: { type: "integer" },
    blobs: { type: "integer" },
    manifests: { type: "integer" },
    /** Of the blobs. */
    bytes: { type: "integer" },
    /** False: there is more than was counted. */
    complete: { type: "boolean" },
    oldest: time,
  },
} as const;

export const gcStatusSchema = {
  type: "object",
  required: ["grace_seconds", "to_look_at", "young", "condemned"],
  properties: {
    grace_seconds: { type: "number" },
    to_look_at: gcStageSchema,
    young: gcStageSchema,
    condemned: gcStageSchema,
  },
} as const;
export type ApiGcStatus = XStatic<typeof gcStatusSchema>;

/** A page of the check of what is stored. */
export const storeCheckSchema = {
  type: "object",
  required: ["checked", "bytes", "findings", "next"],
  properties: {
    checked: { type: "integer" },
    bytes: { type: "integer" },
    findings: {
      type: "array",
      items: {
        type: "object",
        required: ["kind", "digest", "damage", "detail"],
        properties: {
          kind: { type: "string", enum: ["blob", "manifest"] },
          digest: { type: "string" },
          damage: {
            type: "string",
            enum: ["missing", "wrong-size", "wrong-digest", "unreadable"],
          },
          detail: { type: "string" },
        },
      },
    },
    /** For the query parameter `after` of the next page. */
    next: { type: ["string", "null"] },
  },
} as const;
export type ApiStoreCheck = XStatic<typeof storeCheckSchema>;

/** Answer of the token service (distribution's token authentication). */
export const tokenSchema = {
  type: "object",
  required: ["token", "access_token", "expires_in", "issued_at"],
  properties: {
    token: { type: "string" },
    access_token: { type: "string" },
    /** Seconds. */
    expires_in: { type: "integer" },
    issued_at: time,
    scope: { type: "string" },
  },
} as const;
export type ApiToken = XStatic<typeof tokenSchema>;
