// The smallest registry in memory that follows the distribution specification, for the tests of the
// client: one process, no locking, no persistence. `fault` lets a test break single requests.

import { computeDigest, errorBody, mediaTypes, parseChunkRange } from "../../model/index.ts";
import type { Content } from "../../testing/index.ts";
import type { Answer, Handler, Received } from "./server.ts";

export interface TinyRegistryOptions {
  /** Answers instead of the registry, after it has stored the first half of an upload's body. */
  readonly fault?: (request: Received, count: number) => Answer | "cut" | null;
  readonly tagsPerPage?: number;
  /** Blobs of other repositories by `from`, which may be mounted. */
  readonly mountable?: ReadonlyMap<string, readonly Content[]>;
  /** Knows no referrers API. */
  readonly withoutReferrers?: boolean;
}

interface State {
  readonly options: TinyRegistryOptions;
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { mediaType: string; bytes: Buffer }>;
  readonly tags: Map<string, string>;
  readonly uploads: Map<string, Buffer>;
  uploadsOpened: number;
}

type Route = readonly [string, RegExp, (state: State, request: Received, key: string) => Answer];

const routes: readonly Route[] = [
  ["GET", /^\/v2\/$/, () => ({ status: 200, body: "{}" })],
  ["POST", /\/blobs\/uploads\/$/, startUpload],
  ["PATCH", /\/blobs\/uploads\/([0-9]+)/, patchUpload],
  ["GET", /\/blobs\/uploads\/([0-9]+)/, readUpload],
  ["PUT", /\/blobs\/uploads\/([0-9]+)/, finishUpload],
  ["DELETE", /\/blobs\/uploads\/([0-9]+)/, cancelUpload],
  ["GET", /\/referrers\/([^/]+)$/, listReferrers],
  ["GET", /\/blobs\/([^/]+)$/, readBlob],
  ["HEAD", /\/blobs\/([^/]+)$/, readBlob],
  ["DELETE", /\/blobs\/([^/]+)$/, deleteBlob],
  ["PUT", /\/manifests\/([^/]+)$/, putManifest],
  ["GET", /\/manifests\/([^/]+)$/, readManifest],
  ["HEAD", /\/manifests\/([^/]+)$/, readManifest],
  ["DELETE", /\/manifests\/([^/]+)$/, deleteManifest],
];

export function tinyRegistry(options: TinyRegistryOptions = {}): Handler {
  const state: State = {
    options,
    blobs: new Map(),
    manifests: new Map(),
    tags: new Map(),
    uploads: new Map(),
    uploadsOpened: 0,
  };
  let count = 0;
  return (request) => {
    const fault = options.fault?.(request, count++) ?? null;
    if (fault !== null) {
      storeHalf(state, request);
      return fault;
    }
    const path = request.target.split("?")[0] ?? "";
    if (path.endsWith("/tags/list")) return listTags(state, request, options.tagsPerPage ?? 2);
    for (const [method, pattern, handle] of routes) {
      const match = method === request.method ? pattern.exec(path) : null;
      if (match !== null) return handle(state, request, match[1] ?? "");
    }
    return { status: 404, body: errorBody("name-unknown") };
  };
}

function startUpload(state: State, request: Received): Answer {
  const query = new URL(request.target, "http://x").searchParams;
  const offered = state.options.mountable?.get(query.get("from") ?? "") ?? [];
  const mounted = offered.find((blob) => blob.digest === query.get("mount"));
  if (mounted !== undefined) {
    state.blobs.set(mounted.digest, Buffer.from(mounted.bytes));
    return { status: 201, headers: { location: `/v2/a/blobs/${mounted.digest}` } };
  }
  state.uploadsOpened += 1;
  const id = `${state.uploadsOpened}`;
  state.uploads.set(id, Buffer.alloc(0));
  return uploadAnswer(state, id, 202);
}

function patchUpload(state: State, request: Received, id: string): Answer {
  const stored = state.uploads.get(id);
  if (stored === undefined) return { status: 404, body: errorBody("upload-unknown") };
  const header = request.headers["content-range"];
  const range = header === undefined ? null : parseChunkRange(header);
  if (range !== null && (!range.ok || range.value.start !== stored.length)) {
    return { status: 416, body: errorBody("chunk-out-of-order") };
  }
  state.uploads.set(id, Buffer.concat([stored, request.body]));
  return uploadAnswer(state, id, 202);
}

function readUpload(state: State, _request: Received, id: string): Answer {
  if (!state.uploads.has(id)) return { status: 404, body: errorBody("upload-unknown") };
  return uploadAnswer(state, id, 204);
}

function finishUpload(state: State, request: Received, id: string): Answer {
  const bytes = Buffer.concat([state.uploads.get(id) ?? Buffer.alloc(0), request.body]);
  const digest = new URL(request.target, "http://x").searchParams.get("digest") ?? "";
  if (digest !== computeDigest(bytes)) return { status: 400, body: errorBody("digest-invalid") };
  state.uploads.delete(id);
  state.blobs.set(digest, bytes);
  return { status: 201, headers: { location: `/v2/x/blobs/${digest}` } };
}

function cancelUpload(state: State, _request: Received, id: string): Answer {
  return state.uploads.delete(id) ? { status: 204 } : { status: 404 };
}

/** One at a time, so that whoever asks has to follow the pages. */
function listReferrers(state: State, request: Received, subject: string): Answer {
  if (state.options.withoutReferrers === true) return { status: 404 };
  const url = new URL(request.target, "http://x");
  const page = Number(url.searchParams.get("page") ?? 0);
  const found = [...state.manifests].flatMap(([digest, { mediaType, bytes }]) => {
    const manifest = JSON.parse(bytes.toString());
    if (manifest.subject?.digest !== subject) return [];
    const { artifactType } = manifest;
    return [{ mediaType, digest, size: bytes.length, artifactType }];
  });
  const next = `<${url.pathname}?page=${page + 1}>; rel="next"`;
  const headers = page + 1 < found.length ? { link: next } : {};
  const manifests = found.slice(page, page + 1);
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return { status: 200, headers, body: JSON.stringify(index) };
}

function uploadAnswer(state: State, id: string, status: number): Answer {
  const bytes = state.uploads.get(id)?.length ?? 0;
  const location = `/v2/a/blobs/uploads/${id}?state=kept`;
  return { status, headers: { location, range: `0-${Math.max(bytes - 1, 0)}` } };
}

/** As when a connection breaks in the middle of a body. */
function storeHalf(state: State, request: Received): void {
  const id = /\/blobs\/uploads\/([0-9]+)/.exec(request.target)?.[1] ?? "";
  const stored = state.uploads.get(id);
  if (stored === undefined || request.method !== "PATCH") return;
  const half = request.body.subarray(0, request.body.length >> 1);
  state.uploads.set(id, Buffer.concat([stored, half]));
}

function readBlob(state: State, request: Received, digest: string): Answer {
  const bytes = state.blobs.get(digest);
  if (bytes === undefined) return { status: 404, body: errorBody("blob-unknown") };
  const match = /^bytes=([0-9]+)-([0-9]+)$/.exec(request.headers["range"] ?? "");
  if (match === null) return { status: 200, body: bytes };
  const start = Number(match[1]);
  const end = Math.min(Number(match[2]) + 1, bytes.length);
  const range = `bytes ${start}-${end - 1}/${bytes.length}`;
  return { status: 206, headers: { "content-range": range }, body: bytes.subarray(start, end) };
}

function deleteBlob(state: State, _request: Received, digest: string): Answer {
  if (!state.blobs.delete(digest)) return { status: 404, body: errorBody("blob-unknown") };
  return { status: 202 };
}

function putManifest(state: State, request: Received, reference: string): Answer {
  const digest = computeDigest(request.body);
  const mediaType = request.headers["content-type"] ?? "";
  state.manifests.set(digest, { mediaType, bytes: request.body });
  if (!reference.includes(":")) state.tags.set(reference, digest);
  return { status: 201, headers: { "docker-content-digest": digest } };
}

function readManifest(state: State, _request: Received, reference: string): Answer {
  const digest = state.tags.get(reference) ?? reference;
  const manifest = state.manifests.get(digest);
  if (manifest === undefined) return { status: 404, body: errorBody("manifest-unknown") };
  const headers = { "docker-content-digest": digest, "content-type": manifest.mediaType };
  return { status: 200, headers, body: manifest.bytes };
}

function deleteManifest(state: State, _request: Received, reference: string): Answer {
  if (state.tags.delete(reference) || state.manifests.delete(reference)) return { status: 202 };
  return { status: 404, body: errorBody("manifest-unknown") };
}

function listTags(state: State, request: Received, perPage: number): Answer {
  const last = new URL(request.target, "http://x").searchParams.get("last") ?? "";
  const behind = [...state.tags.keys()].sort().filter((tag) => tag > last);
  const tags = behind.slice(0, perPage);
  const next = `</v2/a/tags/list?last=${tags.at(-1)}>; rel="next"`;
  const headers = behind.length > perPage ? { link: next } : {};
  return { status: 200, headers, body: JSON.stringify({ name: "a", tags }) };
}
