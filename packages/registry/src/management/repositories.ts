// Repositories and what is in them: /api/v2.0/projects/{project}/repositories. A repository's name
// in the path is what follows the project's, its slashes encoded, by Harbor's clients twice.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Reader, Snapshot } from "@sampan/kv/txn";
import type { Digest, RepositoryName } from "@sampan/oci/model";
import { parseReference, parseRepositoryName, parseTag } from "@sampan/oci/model";
import type { XStatic } from "typebox/schema";
import { actorOf } from "../auth/auth.ts";
import { deleteManifest, deleteTag } from "../meta/manifest-removal.ts";
import { findListedManifest, listManifests } from "../meta/manifests.ts";
import { deleteRepository } from "../meta/project-removal.ts";
import type { Project } from "../meta/projects.ts";
import type { Repository } from "../meta/repositories.ts";
import { findRepository, listRepositories } from "../meta/repositories.ts";
import type { ApiRepository } from "../schema.ts";
import { type ApiArtifactSource, apiArtifact, apiTags, numberOf } from "./artifact.ts";
import { failed, unsettled } from "./failure.ts";
import { matches, parseFilter, parseSort } from "./filter.ts";
import { listedMax, type PageQuery, pagedReply, pageOf, pageQuery } from "./paging.ts";
import { projectAt, projectParams, projectUnknown } from "./projects.ts";
import type { ApiReply, ApiRequest, Context, Route } from "./route.ts";
import { read, reply } from "./route.ts";
import { isoTime } from "./system.ts";

const all = "/api/v2.0/projects/:project/repositories";
const one = `${all}/:repository`;
const artifacts = `${one}/artifacts`;
const artifact = `${artifacts}/:reference`;

const text = { type: "string", maxLength: 1024 } as const;
const repositoryParams = {
  type: "object",
  required: ["project", "repository"],
  properties: { ...projectParams.properties, repository: text },
} as const;
type RepositoryParams = XStatic<typeof repositoryParams>;

const artifactParams = {
  type: "object",
  required: ["project", "repository", "reference"],
  properties: { ...repositoryParams.properties, reference: text },
} as const;
type ArtifactParams = XStatic<typeof artifactParams>;

const tagParams = {
  type: "object",
  required: ["project", "repository", "reference", "tag"],
  properties: { ...artifactParams.properties, tag: text },
} as const;
type TagParams = XStatic<typeof tagParams>;

const listQuery = {
  type: "object",
  required: ["page", "page_size"],
  properties: pageQuery,
} as const;

export const repositoryRoutes: readonly Route[] = [
  {
    method: "GET",
    path: all,
    access: "anyone",
    schema: { params: projectParams, query: listQuery },
    handle: list,
  },
  {
    method: "GET",
    path: one,
    access: "anyone",
    schema: { params: repositoryParams },
    handle: get,
  },
  {
    method: "DELETE",
    path: one,
    access: "admin",
    schema: { params: repositoryParams },
    handle: remove,
  },
  {
    method: "GET",
    path: artifacts,
    access: "anyone",
    schema: { params: repositoryParams, query: listQuery },
    handle: listArtifacts,
  },
  {
    method: "GET",
    path: artifact,
    access: "anyone",
    schema: { params: artifactParams },
    handle: getArtifact,
  },
  {
    method: "DELETE",
    path: artifact,
    access: "admin",
    schema: { params: artifactParams },
    handle: removeArtifact,
  },
  {
    method: "GET",
    path: `${artifact}/tags`,
    access: "anyone",
    schema: { params: artifactParams, query: listQuery },
    handle: listArtifactTags,
  },
  {
    method: "DELETE",
    path: `${artifact}/tags/:tag`,
    access: "admin",
    schema: { params: tagParams },
    handle: removeTag,
  },
];

const sortFields = {
  name: (repository: Repository) => repository.name,
  creation_time: (repository: Repository) => repository.createdMs,
};

async function list(
  context: Context,
  request: ApiRequest<XStatic<typeof projectParams>, PageQuery>,
): Promise<ApiReply> {
  const { query } = request;
  const filter = parseFilter(query.q, ["name"]);
  if (!filter.ok) return failed("bad-request", filter.error);
  const sort = parseSort(query.sort, sortFields);
  if (!sort.ok) return failed("bad-request", sort.error);
  return read(context, async (reader) => {
    const project = await projectAt(reader, request);
    if (project === null) return projectUnknown(request);
    const repositories = await allRepositories(reader, project);
    const found = repositories.filter(({ name }) => matches(filter.value, { name }));
    const body: ApiRepository[] = [];
    for (const repository of pageOf(found.sort(sort.value), query)) {
      body.push(await apiRepository(reader, project, repository));
    }
    return pagedReply(request.url, query, { total: found.length, body });
  });
}

async function allRepositories(reader: Snapshot, project: Project): Promise<Repository[]> {
  const repositories: Repository[] = [];
  for (let after: string | null = null; repositories.length < listedMax; ) {
    const page = { project: project.name, after, limit: 1_000 };
    const listed = await listRepositories(reader, page);
    repositories.push(...listed.repositories);
    if (!listed.more) break;
    after = listed.repositories.at(-1)?.name ?? null;
  }
  return repositories;
}

/** A repository with more shows this number. */
const artifactsCountedMax = 10_000;

async function apiRepository(
  reader: Reader,
  project: Project,
  repository: Repository,
): Promise<ApiRepository> {
  const page = { after: null, limit: artifactsCountedMax };
  const { manifests } = await listManifests(reader, repository.name, page);
  const updatedMs = manifests.reduce(
    (newest, { pushedMs }) => Math.max(newest, pushedMs),
    repository.createdMs,
  );
  return {
    id: numberOf(repository.name),
    project_id: project.id,
    name: repository.name,
    artifact_count: manifests.length,
    creation_time: isoTime(repository.createdMs),
    update_time: isoTime(updatedMs),
  };
}

interface Place {
  readonly project: Project;
  readonly repository: Repository;
}

/** The repository that the path names, or the answer that there is none. */
async function placeOf(
  reader: Reader,
  request: ApiRequest<RepositoryParams>,
): Promise<Result<Place, ApiReply>> {
  const project = await projectAt(reader, request);
  if (project === null) return err(projectUnknown(request));
  const name = repositoryIn(project, request.params.repository);
  const repository = name === null ? null : await findRepository(reader, name);
  if (repository !== null) return ok({ project, repository });
  const shown = `${project.name}/${request.params.repository}`;
  return err(failed("not-found", `repository ${shown} not found`));
}

function repositoryIn(project: Project, encoded: string): RepositoryName | null {
  const name = parseRepositoryName(`${project.name}/${decodeAgain(encoded)}`);
  return name.ok ? name.value : null;
}

// The router has decoded once; Harbor's clients encode twice.
function decodeAgain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

async function get(context: Context, request: ApiRequest<RepositoryParams>): Promise<ApiReply> {
  return read(context, async (reader) => {
    const place = await placeOf(reader, request);
    if (!place.ok) return place.error;
    const { project, repository } = place.value;
    return reply(200, await apiRepository(reader, project, repository));
  });
}

async function remove(context: Context, request: ApiRequest<RepositoryParams>): Promise<ApiReply> {
  const place = await read(context, (reader) => placeOf(reader, request));
  if (!place.ok) return place.error;
  const deleted = await deleteRepository(context.store, {
    repository: place.value.repository.name,
    actor: actorOf(request.identity),
    nowMs: context.env.clock.now(),
  });
  if (deleted.ok) return reply(200, null);
  if (deleted.error.code !== "repository-unknown") return unsettled(deleted.error);
  return failed("not-found", `repository ${place.value.repository.name} not found`);
}

const artifactSortFields = {
  push_time: (source: ApiArtifactSource) => source.pushedMs,
  size: (source: ApiArtifactSource) => source.totalBytes,
  digest: (source: ApiArtifactSource) => source.digest,
};

async function listArtifacts(
  context: Context,
  request: ApiRequest<RepositoryParams, PageQuery>,
): Promise<ApiReply> {
  const { query } = request;
  const filter = parseFilter(query.q, ["digest", "media_type", "artifact_type"]);
  if (!filter.ok) return failed("bad-request", filter.error);
  const sort = parseSort(query.sort ?? "-push_time", artifactSortFields);
  if (!sort.ok) return failed("bad-request", sort.error);
  return read(context, async (reader) => {
    const place = await placeOf(reader, request);
    if (!place.ok) return place.error;
    const sources = await allArtifacts(reader, place.value);
    const found = sources.filter((source) =>
      matches(filter.value, {
        digest: source.digest,
        media_type: source.mediaType,
        artifact_type: source.artifactType ?? "",
      }),
    );
    const body: object[] = [];
    for (const source of pageOf(found.sort(sort.value), query)) {
      body.push(await apiArtifact(reader, source));
    }
    return pagedReply(request.url, query, { total: found.length, body });
  });
}

async function allArtifacts(reader: Reader, place: Place): Promise<ApiArtifactSource[]> {
  const sources: ApiArtifactSource[] = [];
  for (let after: Digest | null = null; sources.length < listedMax; ) {
    const page = { after, limit: 1_000 };
    const { manifests, more } = await listManifests(reader, place.repository.name, page);
    sources.push(...manifests.map((manifest) => sourceOf(place, manifest)));
    if (!more) break;
    after = manifests.at(-1)?.digest ?? null;
  }
  return sources;
}

function sourceOf(
  { project, repository }: Place,
  manifest: Omit<ApiArtifactSource, "projectId" | "repository">,
): ApiArtifactSource {
  return { ...manifest, projectId: project.id, repository: repository.name };
}

/** The artifact that the path names by tag or digest, or the answer that there is none. */
async function artifactAt(
  reader: Reader,
  request: ApiRequest<ArtifactParams>,
): Promise<Result<ApiArtifactSource, ApiReply>> {
  const place = await placeOf(reader, request);
  if (!place.ok) return place;
  const reference = parseReference(request.params.reference);
  if (!reference.ok) return err(failed("bad-request", "that is neither a tag nor a digest"));
  const { name } = place.value.repository;
  const manifest = await findListedManifest(reader, name, reference.value);
  if (manifest !== null) return ok(sourceOf(place.value, manifest));
  return err(failed("not-found", `artifact ${name}:${request.params.reference} not found`));
}

async function getArtifact(
  context: Context,
  request: ApiRequest<ArtifactParams>,
): Promise<ApiReply> {
  return read(context, async (reader) => {
    const source = await artifactAt(reader, request);
    return source.ok ? reply(200, await apiArtifact(reader, source.value)) : source.error;
  });
}

async function removeArtifact(
  context: Context,
  request: ApiRequest<ArtifactParams>,
): Promise<ApiReply> {
  const source = await read(context, (reader) => artifactAt(reader, request));
  if (!source.ok) return source.error;
  const { repository, digest } = source.value;
  const by = { actor: actorOf(request.identity), nowMs: context.env.clock.now() };
  const deleted = await deleteManifest(context.store, { repository, digest, ...by });
  if (deleted.ok) return reply(200, null);
  if (deleted.error.code !== "manifest-unknown") return unsettled(deleted.error);
  return failed("not-found", `artifact ${repository}@${digest} not found`);
}

async function listArtifactTags(
  context: Context,
  request: ApiRequest<ArtifactParams, PageQuery>,
): Promise<ApiReply> {
  return read(context, async (reader) => {
    const source = await artifactAt(reader, request);
    if (!source.ok) return source.error;
    const tags = await apiTags(reader, source.value);
    const body = pageOf(tags, request.query);
    return pagedReply(request.url, request.query, { total: tags.length, body });
  });
}

async function removeTag(context: Context, request: ApiRequest<TagParams>): Promise<ApiReply> {
  const tag = parseTag(request.params.tag);
  if (!tag.ok) return failed("bad-request", "that is not a tag");
  const source = await read(context, (reader) => artifactAt(reader, request));
  if (!source.ok) return source.error;
  const { repository } = source.value;
  const by = { actor: actorOf(request.identity), nowMs: context.env.clock.now() };
  const deleted = await deleteTag(context.store, { repository, tag: tag.value, ...by });
  if (deleted.ok) return reply(200, null);
  if (deleted.error.code !== "tag-unknown") return unsettled(deleted.error);
  return failed("not-found", `tag ${repository}:${tag.value} not found`);
}
