// An artifact in Harbor's form.

import { createHash } from "node:crypto";
import type { Reader } from "@sampan/kv/txn";
import type { RepositoryName } from "@sampan/oci/model";
import { mediaTypes } from "@sampan/oci/model";
import type { ListedManifest } from "../meta/manifests.ts";
import { listTagsOf, tagTimes } from "../meta/tags.ts";
import type { ApiArtifact, ApiTag } from "../schema.ts";
import { isoTime } from "./system.ts";

export interface ApiArtifactSource extends ListedManifest {
  readonly projectId: number;
  readonly repository: RepositoryName;
}

export async function apiArtifact(reader: Reader, source: ApiArtifactSource): Promise<ApiArtifact> {
  const tags = await apiTags(reader, source);
  return {
    id: numberOf(`${source.repository}@${source.digest}`),
    type: typeOf(source.artifactType),
    project_id: source.projectId,
    repository_id: numberOf(source.repository),
    repository_name: source.repository,
    digest: source.digest,
    media_type: source.artifactType ?? source.mediaType,
    manifest_media_type: source.mediaType,
    artifact_type: source.artifactType ?? source.mediaType,
    size: source.totalBytes,
    push_time: isoTime(source.pushedMs),
    // As Harbor says it for an artifact without tags.
    tags: tags.length === 0 ? null : tags,
  };
}

/** An artifact with more shows the first so many. */
const tagsShownMax = 1_000;

export async function apiTags(reader: Reader, source: ApiArtifactSource): Promise<ApiTag[]> {
  const { repository, digest } = source;
  const tags = await listTagsOf(reader, repository, { digest, limit: tagsShownMax });
  const times = await tagTimes(reader, repository, tags);
  return tags.map((name, index) => ({
    id: numberOf(`${repository}:${name}`),
    repository_id: numberOf(repository),
    artifact_id: numberOf(`${repository}@${digest}`),
    name,
    push_time: isoTime(times[index] ?? source.pushedMs),
    immutable: false,
  }));
}

// By the media type of its config, as Harbor tells them apart.
const artifactTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociConfig]: "IMAGE",
  [mediaTypes.dockerConfig]: "IMAGE",
  "application/vnd.cncf.helm.config.v1+json": "CHART",
  "application/vnd.wasm.config.v1+json": "WASM",
  "application/vnd.cnab.manifest.v1": "CNAB",
};

function typeOf(artifactType: string | null): string {
  // An index of images has no config of its own.
  return artifactType === null ? "IMAGE" : (artifactTypes[artifactType] ?? "UNKNOWN");
}

/**
 * Harbor numbers things that have only names here: the same number each time, unlikely another's.
 */
export function numberOf(name: string): number {
  return createHash("sha256").update(name).digest().readUIntBE(0, 6);
}
