// Blobs of a remote repository, read and deleted (OCI distribution-spec, end-2 and end-10).

import type { Env, Result } from "@sampan/env";
import { IoError, ok } from "@sampan/env";
import type { ByteRange, Digest } from "../model/index.ts";
import { createDigester, digestAlgorithm, parseContentRange } from "../model/index.ts";
import type { RemoteFailure } from "./failure.ts";
import type { HttpResponse } from "./http-client.ts";
import type { RepositoryPlace } from "./place.ts";
import { repositoryScope, repositoryUrl } from "./place.ts";
import type { GetBlobOptions, RemoteBlob } from "./remote.ts";
import { backoffMs, isTransferFault } from "./retries.ts";

/** Faults of one download, one after another without a byte between them. */
const transferFaultsMax = 5;

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

/** Reads a blob, or a part of it, and goes on behind the last byte when the connection breaks. */
export async function getBlob(
  env: Env,
  place: RepositoryPlace,
  wanted: WantedBlob,
): Promise<Result<RemoteBlob, RemoteFailure>> {
  const { digest, range } = wanted;
  const first = await requestBlob(place, wanted, range ?? null);
  if (!first.ok) return first;
  const { bytes } = first.value;
  if (range === undefined && wanted.size !== undefined && bytes !== wanted.size) {
    first.value.discard();
    const what = `${place.registry.host} has ${digest} with ${bytes} bytes`;
    throw new IoError("corrupt", `${what}, where the manifest says ${wanted.size}`);
  }
  const stream = resumed(env, place, { wanted, first: first.value });
  return ok({ bytes, stream: range === undefined ? verified(place, stream, digest) : stream });
}

export interface WantedBlob extends GetBlobOptions {
  readonly digest: Digest;
}

/** One answer with bytes of a blob. */
interface Part {
  readonly bytes: number;
  readonly stream: AsyncIterable<Uint8Array>;
  discard(): void;
}

/** `range` null: the whole. */
async function requestBlob(
  place: RepositoryPlace,
  { digest, size, signal }: WantedBlob,
  range: ByteRange | null,
): Promise<Result<Part, RemoteFailure>> {
  const answer = await place.exchange({
    method: "GET",
    url: repositoryUrl(place, `blobs/${digest}`),
    scope: repositoryScope(place, "pull"),
    headers: range === null ? {} : { range: `bytes=${range.start}-${range.end - 1}` },
    signal,
    expect: range === null ? [200] : [200, 206],
  });
  if (!answer.ok) return answer;
  const response = answer.value;
  const discard = () => response.discard();
  if (range !== null && response.status === 206) {
    return ok({ ...partOf(response, range), discard });
  }
  const bytes = contentLength(response, size);
  if (range === null) return ok({ bytes, stream: response.stream(), discard });
  return ok({ ...cut(response, { range, bytes }), discard });
}

interface Download {
  readonly wanted: WantedBlob;
  readonly first: Part;
}

/** The bytes of `first`, and where it breaks off those of further requests. */
async function* resumed(
  env: Env,
  place: RepositoryPlace,
  { wanted, first }: Download,
): AsyncGenerator<Uint8Array> {
  const start = wanted.range?.start ?? 0;
  const end = start + first.bytes;
  let offset = start;
  let faults = 0;
  let part: Part | null = first;
  for (;;) {
    try {
      part ??= await refusalThrown(requestBlob(place, wanted, { start: offset, end }));
      for await (const chunk of part.stream) {
        offset += chunk.length;
        faults = 0;
        if (offset > end) throw tooLong(place, wanted.digest);
        yield chunk;
      }
      if (offset === end) return;
      throw new IoError("interrupted", `${place.registry.host} sent a part of ${wanted.digest}`);
    } catch (error) {
      faults += 1;
      if (!isTransferFault(error) || faults > transferFaultsMax) throw error;
      env.log.debug("download goes on after a fault", { digest: wanted.digest, offset });
      part = null;
      await env.clock.sleep(backoffMs(faults - 1, env.random.fraction()), wanted.signal);
    }
  }
}

/** In the middle of a stream there is nobody to look at a refusal. */
async function refusalThrown<Value>(answer: Promise<Result<Value, RemoteFailure>>): Promise<Value> {
  const result = await answer;
  if (result.ok) return result.value;
  throw new IoError("refused", result.error.message);
}

function tooLong(place: RepositoryPlace, digest: Digest): IoError {
  return new IoError("corrupt", `${place.registry.host} sent more bytes than ${digest} has`);
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

async function* verified(
  place: RepositoryPlace,
  chunks: AsyncIterable<Uint8Array>,
  digest: Digest,
): AsyncGenerator<Uint8Array> {
  const digester = createDigester(digestAlgorithm(digest));
  for await (const chunk of chunks) {
    digester.update(chunk);
    yield chunk;
  }
  if (digester.finish() !== digest) {
    throw new IoError("corrupt", `${place.registry.host} sent bytes that are not ${digest}`);
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
function cut(
  response: HttpResponse,
  { range, bytes }: { readonly range: ByteRange; readonly bytes: number },
): RemoteBlob {
  const end = Math.min(range.end, bytes);
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

/** `expected` stands in where an answer, such as one of a proxy that compresses, does not say. */
function contentLength(response: HttpResponse, expected?: number): number {
  const header = response.header("content-length") ?? "";
  if (/^[0-9]{1,15}$/.test(header)) return Number(header);
  if (expected !== undefined && header === "") return expected;
  response.discard();
  throw new IoError("protocol", "the registry does not say how long a blob is");
}
