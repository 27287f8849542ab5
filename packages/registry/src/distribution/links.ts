// The URLs that /v2/ gives out, and its `Link` headers. Relative where nobody knows our name.

import type { Digest, RepositoryName } from "@sampan/oci/model";

export function blobUrl(origin: string, repository: RepositoryName, digest: Digest): string {
  return `${origin}/v2/${repository}/blobs/${digest}`;
}

export function manifestUrl(origin: string, repository: RepositoryName, digest: Digest): string {
  return `${origin}/v2/${repository}/manifests/${digest}`;
}

export function uploadUrl(origin: string, repository: RepositoryName, id: string): string {
  return `${origin}/v2/${repository}/blobs/uploads/${id}`;
}

/** The next page of a listing (RFC 8288); relative, as from every registry. */
export function nextLink(path: string, parameters: Readonly<Record<string, string>>): string[] {
  return ["Link", `<${path}?${new URLSearchParams(parameters)}>; rel="next"`];
}
