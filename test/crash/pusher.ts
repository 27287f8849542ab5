// One client that pushes, moves tags and deletes in repositories of its own, one request after the
// other, and notes in the ledger what it attempted and what was acknowledged. Several run at once,
// so that a kill meets requests in every state.

import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "@sampan/env";
import type { Answer, Call, Client } from "./client.ts";
import { type BlobContent, type ContentSource, type Descriptor, imageOf } from "./content.ts";
import {
  type BlobEntry,
  type Deed,
  type Ledger,
  type ManifestEntry,
  pick,
  type TagEntry,
} from "./ledger.ts";

const repositoriesPerPusher = 3;
const tagsPerRepository = 4;
const layersMax = 4;
const chunksMax = 5;
/** Of an upload that is left behind: `Range: 0-0` would not tell one byte from none. */
const uploadBytesMin = 64;

export interface PusherContext {
  readonly client: Client;
  readonly ledger: Ledger;
  readonly content: ContentSource;
  readonly random: Random;
  /** Blobs that all pushers push, each to its own repositories: the same bytes at the same time. */
  readonly shared: readonly BlobContent[];
  readonly name: string;
  /** From here on a broken connection is no fault of the server. */
  readonly isKilled: () => boolean;
  readonly counts: PusherCounts;
  /** Milliseconds between two turns, at most. */
  readonly pauseMsMax: number;
}

export interface PusherCounts {
  requests: number;
  /** Effects: a blob, a manifest, a tag, a deletion, a project. */
  acknowledged: number;
  /** Answers 429 and 503. */
  busy: number;
}

/** The server is gone. */
class Disconnected extends Error {}

/** An answer that no client of a sound registry gets. */
export class UnexpectedAnswer extends Error {}

/** Works until the server is killed. Throws when the server answers what it must not. */
export async function runPusher(context: PusherContext): Promise<void> {
  try {
    for (;;) {
      await turn(context);
      if (context.pauseMsMax > 0) await sleep(context.random.int(context.pauseMsMax));
    }
  } catch (error) {
    if (!(error instanceof Disconnected)) throw error;
    if (!context.isKilled()) throw new UnexpectedAnswer("a connection broke before the kill");
  }
}

async function turn(context: PusherContext): Promise<void> {
  const { random } = context;
  const repository = `library/${context.name}-${random.int(repositoriesPerPusher)}`;
  const draw = random.int(100);
  if (draw < 58) await pushImage(context, repository);
  else if (draw < 66) await moveTag(context, repository);
  else if (draw < 74) await pushLooseBlob(context, repository);
  else if (draw < 80) await leaveUpload(context, repository);
  else if (draw < 85) await deleteTag(context, repository);
  else if (draw < 92) await deleteManifest(context, repository);
  else if (draw < 96) await deleteLooseBlob(context, repository);
  else await createProject(context);
}

// ---------------------------------------------------------------- images and tags

async function pushImage(context: PusherContext, repository: string): Promise<void> {
  const { random } = context;
  const config = await pushBlob(context, repository, context.content.blob());
  const layers: Descriptor[] = [];
  for (let count = 1 + random.int(layersMax); count > 0; count -= 1) {
    layers.push(await layer(context, repository));
  }
  const image = imageOf(config, layers);
  const manifest = context.ledger.manifest(repository, image);
  const tag = random.int(5) === 0 ? null : randomTag(context, repository);
  await putManifest(context, { manifest, bytes: image.bytes, tag });
}

/** New bytes, the shared ones, or a blob that the repository has already. */
async function layer(context: PusherContext, repository: string): Promise<Descriptor> {
  const { random, ledger, shared } = context;
  const known = pick(random, ledger.blobsOf(repository, performance.now()));
  const draw = random.int(4);
  if (draw === 0 && known !== undefined) return known;
  const common = draw === 1 ? pick(random, shared) : undefined;
  return await pushBlob(context, repository, common ?? context.content.blob());
}

interface ManifestPut {
  readonly manifest: ManifestEntry;
  readonly bytes: Buffer;
  /** Null: by its digest alone. */
  readonly tag: TagEntry | null;
}

async function putManifest(context: PusherContext, put: ManifestPut): Promise<void> {
  const { manifest, bytes, tag } = put;
  const { repository, digest } = manifest;
  manifest.present.attempt(true, context.ledger.round);
  tag?.target.attempt(digest, context.ledger.round);
  const answer = await send(context, {
    method: "PUT",
    path: `/v2/${repository}/manifests/${tag?.tag ?? digest}`,
    headers: { "content-type": manifest.mediaType },
    body: bytes,
  });
  if (isBusy(context, answer)) return;
  expectStatus(answer, [201], `PUT manifest ${repository}@${digest}`);
  manifest.present.acknowledge(true);
  tag?.target.acknowledge(digest);
  acknowledged(context, { type: "artifact.pushed", name: `${repository}@${digest}` });
}

/** Puts a manifest again, which is there already, under another tag. */
async function moveTag(context: PusherContext, repository: string): Promise<void> {
  const manifest = pick(context.random, context.ledger.manifestsOf(repository));
  if (manifest === undefined) return;
  const path = `/v2/${repository}/manifests/${manifest.digest}`;
  const answer = await send(context, { method: "GET", path });
  expectStatus(answer, [200], `GET ${path}`);
  const tag = randomTag(context, repository);
  await putManifest(context, { manifest, bytes: answer.body, tag });
}

function randomTag(context: PusherContext, repository: string): TagEntry {
  return context.ledger.tag(repository, `t${context.random.int(tagsPerRepository)}`);
}

async function deleteTag(context: PusherContext, repository: string): Promise<void> {
  const there = context.ledger.tagsOf(repository).filter((tag) => tag.target.certain);
  const tag = pick(context.random, there);
  if (tag === undefined) return;
  tag.target.attempt(null, context.ledger.round);
  const path = `/v2/${repository}/manifests/${tag.tag}`;
  const answer = await send(context, { method: "DELETE", path });
  if (isBusy(context, answer)) return;
  expectStatus(answer, [202], `DELETE ${path}`);
  tag.target.acknowledge(null);
  acknowledged(context, { type: "tag.deleted", name: `${repository}:${tag.tag}` });
}

/** Its tags go with it. */
async function deleteManifest(context: PusherContext, repository: string): Promise<void> {
  const { ledger, random } = context;
  const manifest = pick(random, ledger.manifestsOf(repository));
  if (manifest === undefined) return;
  const { digest } = manifest;
  const tags = ledger.tagsOf(repository).filter((tag) => tag.target.possible.includes(digest));
  manifest.present.attempt(false, ledger.round);
  ledger.loosen(manifest);
  for (const tag of tags) tag.target.attempt(null, ledger.round);
  const path = `/v2/${repository}/manifests/${digest}`;
  const answer = await send(context, { method: "DELETE", path });
  if (isBusy(context, answer)) return;
  expectStatus(answer, [202], `DELETE ${path}`);
  manifest.present.acknowledge(false);
  for (const tag of tags) tag.target.exclude(digest);
  acknowledged(context, { type: "artifact.deleted", name: `${repository}@${digest}` });
}

// ---------------------------------------------------------------- blobs

async function pushLooseBlob(context: PusherContext, repository: string): Promise<void> {
  await pushBlob(context, repository, context.content.blob());
}

async function pushBlob(
  context: PusherContext,
  repository: string,
  content: BlobContent,
): Promise<BlobEntry> {
  const entry = context.ledger.blob(repository, content.digest, content.bytes.length);
  if (context.ledger.isSafe(entry, performance.now())) return entry;
  entry.present.attempt(true, context.ledger.round);
  for (;;) {
    const pushedMs = performance.now();
    const answer = await uploadBlob(context, repository, content);
    if (isBusy(context, answer)) continue;
    expectStatus(answer, [201], `PUT blob ${repository}@${content.digest}`);
    entry.present.acknowledge(true);
    entry.isLoose = false;
    entry.pushedMs = pushedMs;
    acknowledged(context);
    return entry;
  }
}

/** By a mount, in one request, in two, or in chunks: the last answer. */
async function uploadBlob(
  context: PusherContext,
  repository: string,
  content: BlobContent,
): Promise<Answer> {
  const { random } = context;
  const uploads = `/v2/${repository}/blobs/uploads/`;
  const query = `digest=${encodeURIComponent(content.digest)}`;
  const body = content.bytes;
  const headers = { "content-type": "application/octet-stream" };
  const draw = random.int(4);
  if (draw === 0) {
    return await send(context, { method: "POST", path: `${uploads}?${query}`, headers, body });
  }
  const source = draw === 1 ? mountSource(context, content) : undefined;
  const mount = `?mount=${encodeURIComponent(content.digest)}&from=${source?.repository}`;
  const path = source === undefined ? uploads : `${uploads}${mount}`;
  const started = await send(context, { method: "POST", path });
  if (started.status !== 202) return started;
  const location = locationOf(started);
  if (draw === 2) {
    return await send(context, { method: "PUT", path: withQuery(location, query), headers, body });
  }
  const sent = await sendChunks(context, { location, body, end: body.length });
  if (sent.answer.status !== 202) return sent.answer;
  return await send(context, { method: "PUT", path: withQuery(sent.location, query) });
}

/** A repository of this pusher that has the blob for certain. */
function mountSource(context: PusherContext, content: BlobContent): BlobEntry | undefined {
  return [...context.ledger.blobs.values()].find(
    (blob) =>
      blob.digest === content.digest &&
      blob.present.certain === true &&
      blob.repository.startsWith(`library/${context.name}-`),
  );
}

interface Chunks {
  readonly location: string;
  readonly body: Buffer;
  /** Send up to here. */
  readonly end: number;
  readonly onSend?: (end: number) => void;
  readonly onAnswer?: (end: number) => void;
}

async function sendChunks(context: PusherContext, chunks: Chunks) {
  const { body, end } = chunks;
  let { location } = chunks;
  const chunkBytes = Math.ceil(end / (1 + context.random.int(chunksMax)));
  for (let start = 0; ; ) {
    const next = Math.min(start + chunkBytes, end);
    chunks.onSend?.(next);
    const answer = await send(context, {
      method: "PATCH",
      path: location,
      headers: {
        "content-type": "application/octet-stream",
        "content-range": `${start}-${next - 1}`,
      },
      body: body.subarray(start, next),
    });
    if (answer.status !== 202) return { answer, location };
    chunks.onAnswer?.(next);
    location = locationOf(answer);
    start = next;
    if (start === end) return { answer, location };
  }
}

/** Starts an upload and goes away: whoever comes after the crash may resume it. */
async function leaveUpload(context: PusherContext, repository: string): Promise<void> {
  const { bytes, digest } = context.content.blob();
  if (bytes.length < uploadBytesMin) return;
  const started = await send(context, { method: "POST", path: `/v2/${repository}/blobs/uploads/` });
  if (isBusy(context, started)) return;
  expectStatus(started, [202], `POST upload ${repository}`);
  const location = locationOf(started);
  const upload = {
    repository,
    location,
    content: bytes,
    digest,
    acknowledgedBytes: 0,
    sentBytes: 0,
  };
  context.ledger.uploads.push(upload);
  const sent = await sendChunks(context, {
    location,
    body: bytes,
    end: uploadBytesMin + context.random.int(bytes.length - uploadBytesMin + 1),
    onSend: (end) => {
      upload.sentBytes = end;
    },
    onAnswer: (end) => {
      upload.acknowledgedBytes = end;
    },
  });
  if (isBusy(context, sent.answer)) return;
  expectStatus(sent.answer, [202], `PATCH ${location}`);
}

/** Only a blob that no manifest names; the registry refuses the others. */
async function deleteLooseBlob(context: PusherContext, repository: string): Promise<void> {
  const loose = context.ledger
    .blobsOf(repository, performance.now())
    .filter(({ namedBy }) => namedBy.size === 0);
  const blob = pick(context.random, loose);
  if (blob === undefined) return;
  blob.present.attempt(false, context.ledger.round);
  const path = `/v2/${repository}/blobs/${blob.digest}`;
  const answer = await send(context, { method: "DELETE", path });
  if (isBusy(context, answer)) return;
  expectStatus(answer, [202], `DELETE ${path}`);
  blob.present.acknowledge(false);
  acknowledged(context);
}

// ---------------------------------------------------------------- projects

async function createProject(context: PusherContext): Promise<void> {
  const { ledger, name, random } = context;
  const project = `${name}-r${ledger.round}-${random.int(1_000_000)}`;
  const exists = ledger.project(project);
  if (exists.certain !== false) return;
  exists.attempt(true, ledger.round);
  const body = Buffer.from(JSON.stringify({ project_name: project, metadata: { public: "true" } }));
  const answer = await send(context, {
    method: "POST",
    path: "/api/v2.0/projects",
    headers: { "content-type": "application/json" },
    body,
  });
  if (isBusy(context, answer)) return;
  expectStatus(answer, [201], `POST project ${project}`);
  exists.acknowledge(true);
  acknowledged(context, { type: "project.created", name: project });
}

// ---------------------------------------------------------------- requests

async function send(context: PusherContext, call: Call): Promise<Answer> {
  context.counts.requests += 1;
  const answer = await context.client.send(call);
  if (answer === null) throw new Disconnected();
  return answer;
}

/** Too much at once, or nobody knows: what was attempted stays in doubt. */
function isBusy(context: PusherContext, answer: Answer): boolean {
  const busy = answer.status === 429 || answer.status === 503;
  if (busy) context.counts.busy += 1;
  return busy;
}

/** `deed` is given where the event log must tell of it. */
function acknowledged(context: PusherContext, deed?: Deed): void {
  context.counts.acknowledged += 1;
  if (deed !== undefined) context.ledger.deeds.push(deed);
}

function expectStatus(answer: Answer, statuses: readonly number[], what: string): void {
  if (statuses.includes(answer.status)) return;
  throw new UnexpectedAnswer(`${what}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
}

function locationOf(answer: Answer): string {
  const { location } = answer.headers;
  if (location === undefined) throw new UnexpectedAnswer("an upload without a Location");
  // The port is another one after the next start.
  const { pathname, search } = new URL(location, "http://registry");
  return pathname + search;
}

export function withQuery(location: string, query: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}${query}`;
}
