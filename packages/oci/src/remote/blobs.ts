// Blobs of a remote repository, read and deleted (OCI distribution-spec, end-2 and end-10).

import type { Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { ByteRange, Digest } from "../model/index.ts";
import { createDigester, digestAlgorithm, parseContentRange } from "../model/index.ts";
import type { RemoteFailure } from "./failure.ts";
import type { HttpResponse } from "./http-client.ts";
import type { RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import type { GetBlobOptions, RemoteBlob } from "./remote.ts";

export async function headBlob(
  place: RepositoryPlace,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Result<number, RemoteFailure>> {
  const answer = await place.exchange({
    method: "HEAD",
    url: repositoryUrl(place, `blobs/${digest}`),
    scope: repositoryScope(place, "pull"),
    signal,
    expect: [200],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(contentLength(answer.value));
}

export async function getBlob(
  place: RepositoryPlace,
  digest: Digest,
  options: GetBlobOptions,
): Promise<Result<RemoteBlob, RemoteFailure>> {
  const { range, signal } = options;
  const answer = await place.exchange({
    method: "GET",
    url: repositoryUrl(place, `blobs/${digest}`),
    scope: repositoryScope(place, "pull"),
    headers: range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` },
    signal,
    expect: range === undefined ? [200] : [200, 206],
  });
  if (!answer.ok) return answer;
  if (range === undefined) return ok(wholeBlob(answer.value, digest));
  return ok(answer.value.status === 206 ? partOf(answer.value, range) : cut(answer.value, range));
}

export async function deleteBlob(
  place: RepositoryPlace,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Result<null, RemoteFailure>> {
  const answer = await place.exchange({
    method: "DELETE",
    url: repositoryUrl(place, `blobs/${digest}`),
    scope: repositoryScope(place, "delete"),
    signal,
    expect: [200, 202],
  });
  if (!answer.ok) return answer;
  answer.value.discard();
  return ok(null);
}

function wholeBlob(response: HttpResponse, digest: Digest): RemoteBlob {
  return { bytes: contentLength(response), stream: verified(response.stream(), digest) };
}

async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  digest: Digest,
): AsyncGenerator<Uint8Array> {
  const digester = createDigester(digestAlgorithm(digest));
  for await (const chunk of chunks) {
    digester.update(chunk);
    yield chunk;
  }
  if (digester.finish() !== digest) {
    throw new IoError("corrupt", `the registry sent bytes that are not ${digest}`);
  }
}

function partOf(response: HttpResponse, range: ByteRange): RemoteBlob {
  const given = parseContentRange(response.header("content-range") ?? "");
  // A range that reaches behind the end is answered with what there is.
  if (!given.ok || given.value.start !== range.start || given.value.end > range.end) {
    response.discard();
    throw new IoError("protocol", "the registry answered with another range than asked for");
  }
  return { bytes: given.value.end - given.value.start, stream: response.stream() };
}

/** For registries that know no ranges and send the whole. */
function cut(response: HttpResponse, range: ByteRange): RemoteBlob {
  const end = Math.min(range.end, contentLength(response));
  return { bytes: Math.max(end - range.start, 0), stream: slice(response.stream(), range) };
}

async function* slice(
  chunks: AsyncIterable<Uint8Array>,
  range: ByteRange,
): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const chunk of chunks) {
    const from = Math.max(range.start - offset, 0);
    const until = Math.min(range.end - offset, chunk.length);
    if (from < until) yield chunk.subarray(from, until);
    offset += chunk.length;
    if (offset >= range.end) return;
  }
}

function contentLength(response: HttpResponse): number {
  const header = response.header("content-length") ?? "";
  if (/^[0-9]{1,15}$/.test(header)) return Number(header);
  throw new IoError("protocol", "the registry does not say how long a blob is");
}
