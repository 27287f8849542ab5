// Blobs into a remote repository, whole or in chunks (OCI distribution-spec, "Pushing blobs").

import type { Env, Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { ByteRange, Digest, RepositoryName } from "../model/index.ts";
import { formatChunkRange, parseUploadRange } from "../model/index.ts";
import { headBlob } from "./blobs.ts";
import type { RemoteFailure } from "./failure.ts";
import type { HttpBody, HttpResponse } from "./http-client.ts";
import type { RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import { backoffMs, isTransferFault } from "./retries.ts";

/** Bytes that can be read again from any offset, as a retry has to. */
export interface BlobSource {
  readonly bytes: number;
  /** The bytes [start, end). */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

export interface ChunkedOptions {
  /** A registry may ask for larger chunks (`OCI-Chunk-Min-Length`) and gets them. */
  readonly chunkBytes: number;
  /** Faults of the network, one after another without progress, after which it is given up. */
  readonly faultsMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Push {
  readonly digest: Digest;
  readonly source: BlobSource;
  readonly signal?: AbortSignal | undefined;
}

const octets = { "content-type": "application/octet-stream" };

export function bytesSource(bytes: Uint8Array): BlobSource {
  return {
    bytes: bytes.length,
    read: async function* (start, end) {
      yield bytes.subarray(start, end);
    },
  };
}

export async function putBlob(
  place: RepositoryPlace,
  push: Push,
): Promise<Result<null, RemoteFailure>> {
  const { source } = push;
  const started = await startUpload(place, push.signal);
  if (!started.ok) return started;
  const body = { bytes: source.bytes, open: () => source.read(0, source.bytes) };
  return await finishUpload(place, { ...push, location: started.value.location, body });
}

export async function putBlobChunked(
  env: Env,
  place: RepositoryPlace,
  push: Push & ChunkedOptions,
): Promise<Result<null, RemoteFailure>> {
  const started = await startUpload(place, push.signal);
  return started.ok ? await sendChunks(env, place, { ...push, upload: started.value }) : started;
}

/**
 * Sends what an upload lacks. After a fault the registry is asked how far it is; an upload that it
 * no longer knows is begun again.
 */
export async function sendChunks(
  env: Env,
  place: RepositoryPlace,
  push: Push & ChunkedOptions & { readonly upload: Upload },
): Promise<Result<null, RemoteFailure>> {
  let upload = push.upload;
  let faults = 0;
  for (;;) {
    try {
      if (faults > 0) {
        const found = await recoverUpload(place, push, upload);
        if (!found.ok) return found;
        if (found.value === null) return ok(null);
        if (found.value.offset > upload.offset) faults = 0;
        upload = found.value;
      }
      const sent = await sendChunk(place, push, upload);
      if (!sent.ok) return sent;
      if (sent.value === null) return ok(null);
      upload = sent.value;
      faults = 0;
    } catch (error) {
      faults += 1;
      if (faults > push.faultsMax || !isTransferFault(error)) throw error;
      env.log.debug("upload goes on after a fault", { code: error.code, offset: upload.offset });
      await env.clock.sleep(backoffMs(faults - 1, env.random.fraction()), push.signal);
    }
  }
}

/**
 * Where an upload is after a fault; null: the blob is stored. An upload that is gone is one that
 * was finished, where only the answer was lost; or the registry has forgotten it.
 */
async function recoverUpload(
  place: RepositoryPlace,
  push: Push,
  upload: Upload,
): Promise<Result<Upload | null, RemoteFailure>> {
  const found = await findUpload(place, upload, push.signal);
  if (found.ok || !isUnknown(found.error)) return found;
  const stored = await headBlob(place, push.digest, push.signal);
  if (stored.ok && stored.value === push.source.bytes) return ok(null);
  return await startUpload(place, push.signal);
}

/** Of an upload's address: it is not there, or it cannot be asked. */
function isUnknown(failure: RemoteFailure): boolean {
  return failure.status === 404 || failure.status === 405;
}

export interface Upload {
  readonly location: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
  readonly chunkBytesMin: number;
}

/** null: the last request is done, the blob is there. */
async function sendChunk(
  place: RepositoryPlace,
  push: Push & ChunkedOptions,
  upload: Upload,
): Promise<Result<Upload | null, RemoteFailure>> {
  const { source, digest, signal } = push;
  const start = upload.offset;
  if (start === source.bytes) {
    const body = { bytes: 0, open: () => source.read(start, start) };
    const done = await finishUpload(place, { digest, signal, location: upload.location, body });
    return done.ok ? ok(null) : done;
  }
  const chunkBytes = Math.max(push.chunkBytes, upload.chunkBytesMin);
  const end = Math.min(start + chunkBytes, source.bytes);
  const answer = await place.exchange({
    method: "PATCH",
    url: upload.location,
    scope: repositoryScope(place, "pull,push"),
    headers: { ...octets, ...chunkRange(source, { start, end }) },
    body: { bytes: end - start, open: () => source.read(start, end) },
    signal,
    expect: [202],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok({ ...upload, location: locationOf(answer.value, upload.location), offset: end });
}

/** A whole blob in one request is the streamed form, which has no range: all registries take it. */
function chunkRange(source: BlobSource, range: ByteRange): { "content-range"?: string } {
  if (range.start === 0 && range.end === source.bytes) return {};
  return { "content-range": formatChunkRange(range) };
}

export async function startUpload(
  place: RepositoryPlace,
  signal: AbortSignal | undefined,
): Promise<Result<Upload, RemoteFailure>> {
  const url = repositoryUrl(place, "blobs/uploads/");
  const answer = await place.exchange({
    ...opening(signal),
    url,
    scope: repositoryScope(place, "pull,push"),
    expect: [202],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(openedUpload(answer.value, url));
}

export interface MountRequest {
  readonly digest: Digest;
  /** A repository of the same registry that may hold the blob. */
  readonly from: RepositoryName;
  readonly signal: AbortSignal | undefined;
}

/** null: mounted. A registry that does not mount opens an upload instead (end-11). */
export async function mountBlob(
  place: RepositoryPlace,
  { digest, from, signal }: MountRequest,
): Promise<Result<Upload | null, RemoteFailure>> {
  const url = repositoryUrl(place, "blobs/uploads/");
  url.search = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const pull = repositoryScope({ ...place, name: from }, "pull");
  const answer = await place.exchange({
    ...opening(signal),
    url,
    scope: `${repositoryScope(place, "pull,push")} ${pull}`,
    expect: [201, 202],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(answer.value.status === 201 ? null : openedUpload(answer.value, url));
}

function opening(signal: AbortSignal | undefined) {
  // An upload that nobody finishes is swept by the registry, so that a second one does no harm.
  const body = { bytes: 0, open: noBytes };
  return { method: "POST", body, repeatable: true, signal } as const;
}

function openedUpload(response: HttpResponse, url: URL): Upload {
  const chunkBytesMin = Number(response.header("oci-chunk-min-length") ?? 0) || 0;
  return { location: locationOf(response, url), offset: 0, chunkBytesMin };
}

/** Lets the registry forget an upload, where it offers that; otherwise it expires there. */
export async function cancelUpload(
  place: RepositoryPlace,
  upload: Upload,
  signal: AbortSignal,
): Promise<void> {
  const answer = await place.exchange({
    method: "DELETE",
    url: upload.location,
    scope: repositoryScope(place, "pull,push"),
    signal,
    expect: [200, 202, 204],
  });
  if (answer.ok) answer.value.discard();
}

/** Asks the registry how much of an upload it has (end-13). */
async function findUpload(
  place: RepositoryPlace,
  upload: Upload,
  signal: AbortSignal | undefined,
): Promise<Result<Upload, RemoteFailure>> {
  const answer = await place.exchange({
    method: "GET",
    url: upload.location,
    scope: repositoryScope(place, "pull,push"),
    signal,
    expect: [204],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  const stored = parseUploadRange(answer.value.header("range") ?? "");
  if (!stored.ok) throw new IoError("protocol", "the registry does not say how far an upload is");
  const location = locationOf(answer.value, upload.location);
  return ok({ ...upload, location, offset: stored.value });
}

interface Finish {
  readonly digest: Digest;
  readonly location: URL;
  readonly body: HttpBody;
  readonly signal?: AbortSignal | undefined;
}

export async function finishUpload(
  place: RepositoryPlace,
  finish: Finish,
): Promise<Result<null, RemoteFailure>> {
  // The location may carry a state of the registry in its query, which has to stay as it is.
  const url = new URL(finish.location);
  url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(finish.digest)}`;
  const answer = await place.exchange({
    method: "PUT",
    url,
    scope: repositoryScope(place, "pull,push"),
    headers: octets,
    body: finish.body,
    signal: finish.signal,
    expect: [201],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(null);
}

function locationOf(response: HttpResponse, base: URL): URL {
  const header = response.header("location");
  if (header === null || !URL.canParse(header, base.href)) {
    throw new IoError("protocol", "the registry opened an upload without a Location");
  }
  const location = new URL(header, base);
  if (base.protocol === "https:" && location.protocol !== "https:") {
    throw new IoError("protocol", "the registry asks to upload in the clear");
  }
  return location;
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
