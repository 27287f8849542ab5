// Projects: /api/v2.0/projects.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Reader, Snapshot } from "@sampan/kv/txn";
import type { XStatic } from "typebox/schema";
import { actorOf, type Identity } from "../auth/auth.ts";
import { parseProjectName } from "../core/project-name.ts";
import { allows } from "../core/rbac.ts";
import { deleteProject } from "../meta/project-removal.ts";
import type { Project } from "../meta/projects.ts";
import {
  createProject,
  findProject,
  findProjectById,
  listProjects,
  setProjectPublic,
} from "../meta/projects.ts";
import { listRepositoryNames } from "../meta/repositories.ts";
import type { ApiProject, ApiProjectRequest, ApiProjectUpdate } from "../schema.ts";
import { projectRequestSchema, projectUpdateSchema } from "../schema.ts";
import { failed, unauthorized, unsettled } from "./failure.ts";
import { matches, parseFilter, parseSort } from "./filter.ts";
import { listedMax, pagedReply, pageOf, pageQuery } from "./paging.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read, reply } from "./route.ts";
import { isoTime } from "./system.ts";

const base = "/api/v2.0/projects";
const one = `${base}/:project`;

export const projectParams = {
  type: "object",
  required: ["project"],
  properties: { project: { type: "string", maxLength: 255 } },
} as const;
type Params = XStatic<typeof projectParams>;

const listQuery = {
  type: "object",
  required: ["page", "page_size"],
  properties: {
    ...pageQuery,
    name: { type: "string", maxLength: 255 },
    public: { type: "boolean" },
    owner: { type: "string", maxLength: 255 },
  },
} as const;
type ListQuery = XStatic<typeof listQuery>;

const existsQuery = {
  type: "object",
  required: ["project_name"],
  properties: { project_name: { type: "string", maxLength: 255 } },
} as const;

export const projectRoutes: readonly Route[] = [
  { method: "GET", path: base, access: "anyone", schema: { query: listQuery }, handle: list },
  { method: "HEAD", path: base, access: "user", schema: { query: existsQuery }, handle: exists },
  {
    method: "POST",
    path: base,
    access: "admin",
    schema: { body: projectRequestSchema },
    handle: create,
  },
  { method: "GET", path: one, access: "anyone", schema: { params: projectParams }, handle: get },
  {
    method: "PUT",
    path: one,
    access: "admin",
    schema: { params: projectParams, body: projectUpdateSchema },
    handle: update,
  },
  {
    method: "DELETE",
    path: one,
    access: "admin",
    schema: { params: projectParams },
    handle: remove,
  },
];

const sortFields = {
  name: (project: Project) => project.name,
  creation_time: (project: Project) => project.createdMs,
  update_time: (project: Project) => project.updatedMs,
  project_id: (project: Project) => project.id,
};

async function list(context: Context, request: ApiRequest<unknown, ListQuery>): Promise<ApiReply> {
  const { query, identity } = request;
  const filter = parseFilter(query.q, ["name", "public", "owner"]);
  if (!filter.ok) return failed("bad-request", filter.error);
  const sort = parseSort(query.sort, sortFields);
  if (!sort.ok) return failed("bad-request", sort.error);
  return read(context, async (reader) => {
    const visible = await visibleProjects(reader, identity);
    const found = visible.filter(
      (project) => matches(filter.value, filterFields(project)) && matchesQuery(project, query),
    );
    const page = pageOf(found.sort(sort.value), query);
    const body: ApiProject[] = [];
    for (const project of page) body.push(await apiProject(reader, project));
    return pagedReply(request.url, query, { total: found.length, body });
  });
}

function filterFields(project: Project): Record<string, string> {
  return { name: project.name, public: String(project.public), owner: project.owner };
}

function matchesQuery(project: Project, query: ListQuery): boolean {
  if (query.name !== undefined && !project.name.includes(query.name)) return false;
  if (query.owner !== undefined && project.owner !== query.owner) return false;
  return query.public === undefined || project.public === query.public;
}

/** Those that the caller may see, by name. */
export async function visibleProjects(reader: Reader, identity: Identity): Promise<Project[]> {
  const visible: Project[] = [];
  for (let after: string | null = null; visible.length < listedMax; ) {
    const page = await listProjects(reader, { after, limit: 1_000 });
    visible.push(...page.projects.filter((project) => maySee(identity, project)));
    if (!page.more) break;
    after = page.projects.at(-1)?.name ?? null;
  }
  return visible;
}

export function maySee(identity: Identity, project: Project): boolean {
  const admin = identity.type === "user" && identity.admin;
  return allows({ admin }, project, "pull");
}

async function apiProject(reader: Snapshot, project: Project): Promise<ApiProject> {
  const page = { project: project.name, after: null, limit: repositoriesCountedMax };
  const { names } = await listRepositoryNames(reader, page);
  return {
    project_id: project.id,
    name: project.name,
    owner_id: 1,
    owner_name: project.owner,
    creation_time: isoTime(project.createdMs),
    update_time: isoTime(project.updatedMs),
    deleted: false,
    repo_count: names.length,
    metadata: { public: project.public ? "true" : "false" },
  };
}

/** A project with more shows this number. */
const repositoriesCountedMax = 10_000;

async function exists(
  context: Context,
  request: ApiRequest<unknown, XStatic<typeof existsQuery>>,
): Promise<ApiReply> {
  const name = parseProjectName(request.query.project_name);
  const found = name === null ? null : await read(context, (reader) => findProject(reader, name));
  return reply(found === null ? 404 : 200, null);
}

async function create(
  context: Context,
  request: ApiRequest<unknown, unknown, ApiProjectRequest>,
): Promise<ApiReply> {
  const { body, identity } = request;
  const name = parseProjectName(body.project_name);
  if (name === null) return failed("bad-request", nameRule);
  const settings = readSettings(body);
  if (!settings.ok) return failed("bad-request", settings.error);
  const created = await createProject(context.store, {
    name,
    public: settings.value.public ?? false,
    actor: actorOf(identity),
    nowMs: context.env.clock.now(),
  });
  if (created.ok) {
    const byName = request.headers["x-resource-name-in-location"] === "true";
    const location = `${base}/${byName ? name : created.value.id}`;
    return { status: 201, headers: { Location: location }, body: null };
  }
  if (created.error.code !== "project-exists") return unsettled(created.error);
  return failed("conflict", `The project named ${name} already exists`);
}

const nameRule =
  "a project name is lower-case letters and digits, with single separators (. _ __ -) between them";

interface Settings {
  /** Null: not said. */
  readonly public: boolean | null;
}

// Harbor's clients send all they know, mostly switched off. What is switched on and not known here
// is refused: who asks for a scan or a quota must not believe that there is one.
function readSettings(body: ApiProjectRequest | ApiProjectUpdate): Result<Settings, string> {
  if ("registry_id" in body && (body.registry_id ?? 0) !== 0) {
    return err("proxy-cache projects (registry_id) are not supported");
  }
  if ("storage_limit" in body && (body.storage_limit ?? 0) > 0) {
    return err("quotas (storage_limit) are not supported; leave it out or say -1");
  }
  const { public: fromMetadata, ...others } = body.metadata ?? {};
  const unknown = Object.entries(others).find(([, value]) => value === "true");
  if (unknown !== undefined) return err(`metadata ${unknown[0]} is not supported`);
  if (typeof fromMetadata === "string") {
    if (fromMetadata !== "true" && fromMetadata !== "false") {
      return err('metadata public is "true" or "false"');
    }
    return ok({ public: fromMetadata === "true" });
  }
  return ok({ public: body.public ?? null });
}

/** By name or number. Null: none, or none that the caller may see. */
export async function projectAt(
  reader: Reader,
  request: ApiRequest<Params>,
): Promise<Project | null> {
  const text = request.params.project;
  const byName = request.headers["x-is-resource-name"] === "true";
  const project =
    /^\d+$/.test(text) && !byName
      ? await findProjectById(reader, Number(text))
      : await byNameOf(reader, text);
  return project !== null && maySee(request.identity, project) ? project : null;
}

async function byNameOf(reader: Reader, text: string): Promise<Project | null> {
  const name = parseProjectName(text);
  return name === null ? null : findProject(reader, name);
}

/** A stranger does not learn which private projects there are. */
export function projectUnknown(request: ApiRequest<Params>): ApiReply {
  const { type } = request.identity;
  if (type === "anonymous") return unauthorized("log in to see this project");
  return failed("not-found", `project ${request.params.project} not found`);
}

async function get(context: Context, request: ApiRequest<Params>): Promise<ApiReply> {
  return read(context, async (reader) => {
    const project = await projectAt(reader, request);
    if (project === null) return projectUnknown(request);
    return reply(200, await apiProject(reader, project));
  });
}

async function update(
  context: Context,
  request: ApiRequest<Params, unknown, ApiProjectUpdate>,
): Promise<ApiReply> {
  const settings = readSettings(request.body);
  if (!settings.ok) return failed("bad-request", settings.error);
  const project = await read(context, (reader) => projectAt(reader, request));
  if (project === null) return projectUnknown(request);
  const changed = await setProjectPublic(context.store, {
    name: project.name,
    public: settings.value.public ?? project.public,
    actor: actorOf(request.identity),
    nowMs: context.env.clock.now(),
  });
  if (changed.ok) return reply(200, null);
  if (changed.error.code === "project-unknown") return projectUnknown(request);
  return unsettled(changed.error);
}

async function remove(context: Context, request: ApiRequest<Params>): Promise<ApiReply> {
  const project = await read(context, (reader) => projectAt(reader, request));
  if (project === null) return projectUnknown(request);
  const deletion = { name: project.name, actor: actorOf(request.identity) };
  const removed = await deleteProject(context.env, context.store, deletion);
  if (removed.ok) return reply(200, null);
  switch (removed.error.code) {
    case "project-unknown":
      return projectUnknown(request);
    case "project-not-empty":
      return failed(
        "precondition",
        `the project ${project.name} has repositories; delete them first`,
      );
    default:
      return unsettled(removed.error);
  }
}
