// Manifests of a remote repository (OCI distribution-spec, end-3, end-7, end-9).

import type { Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { Digest, Reference } from "../model/index.ts";
import {
  bareMediaType,
  computeDigest,
  digestAlgorithm,
  formatReference,
  manifestBytesMax,
  manifestMediaTypes,
  parseDigest,
  verifyDigest,
} from "../model/index.ts";
import type { RemoteFailure } from "./failure.ts";
import type { HttpResponse } from "./http-client.ts";
import type { RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import type { ManifestContent, ManifestHead, RemoteManifest } from "./remote.ts";

const accept = [...manifestMediaTypes, "*/*;q=0.5"].join(", ");

export async function getManifest(
  place: RepositoryPlace,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Result<RemoteManifest, RemoteFailure>> {
  const answer = await readManifest(place, { method: "GET", reference, signal });
  if (!answer.ok) return answer;
  const bytes = await answer.value.bytes(manifestBytesMax);
  const given = reference.type === "digest" ? reference.digest : digestHeader(answer.value);
  if (given !== null && !verifyDigest(given, bytes)) {
    throw new IoError("corrupt", `manifest ${formatReference(reference)} is not ${given}`);
  }
  const digest = given ?? computeDigest(bytes);
  return ok({ digest, mediaType: mediaTypeHeader(answer.value), bytes });
}

export async function headManifest(
  place: RepositoryPlace,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Result<ManifestHead, RemoteFailure>> {
  const answer = await readManifest(place, { method: "HEAD", reference, signal });
  if (!answer.ok) return answer;
  answer.value.discard();
  const length = answer.value.header("content-length");
  return ok({
    mediaType: mediaTypeHeader(answer.value),
    digest: digestHeader(answer.value),
    size: length === null ? null : Number(length),
  });
}

export async function putManifest(
  place: RepositoryPlace,
  reference: Reference,
  manifest: ManifestContent & { readonly signal: AbortSignal | undefined },
): Promise<Result<Digest, RemoteFailure>> {
  const { bytes, mediaType, signal } = manifest;
  const answer = await place.exchange({
    method: "PUT",
    url: manifestUrl(place, reference),
    scope: repositoryScope(place, "pull,push"),
    headers: { "content-type": mediaType },
    body: { bytes: bytes.length, open: () => once(bytes) },
    repeatable: true,
    signal,
    expect: [201],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  const stored = digestHeader(answer.value);
  if (stored !== null && !verifyDigest(stored, bytes)) {
    throw new IoError("corrupt", `the registry stored ${stored}, which is not what was sent`);
  }
  const algorithm = reference.type === "digest" ? digestAlgorithm(reference.digest) : "sha256";
  return ok(stored ?? computeDigest(bytes, algorithm));
}

export async function deleteManifest(
  place: RepositoryPlace,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Result<null, RemoteFailure>> {
  const answer = await place.exchange({
    method: "DELETE",
    url: manifestUrl(place, reference),
    scope: repositoryScope(place, "delete"),
    signal,
    expect: [200, 202],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(null);
}

interface ManifestRead {
  readonly method: "GET" | "HEAD";
  readonly reference: Reference;
  readonly signal: AbortSignal | undefined;
}

function readManifest(
  place: RepositoryPlace,
  read: ManifestRead,
): Promise<Result<HttpResponse, RemoteFailure>> {
  return place.exchange({
    method: read.method,
    url: manifestUrl(place, read.reference),
    scope: repositoryScope(place, "pull"),
    headers: { accept },
    signal: read.signal,
    expect: [200],
  });
}

function manifestUrl(place: RepositoryPlace, reference: Reference): URL {
  return repositoryUrl(place, `manifests/${formatReference(reference)}`);
}

function digestHeader(response: HttpResponse): Digest | null {
  const header = response.header("docker-content-digest");
  if (header === null) return null;
  const digest = parseDigest(header);
  if (digest.ok) return digest.value;
  throw new IoError("protocol", `the registry gives a digest that is none: ${header}`);
}

function mediaTypeHeader(response: HttpResponse): string {
  return bareMediaType(response.header("content-type") ?? "");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
