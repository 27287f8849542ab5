// After a crash: does the registry answer what the ledger says is possible? Everything that was
// acknowledged is there, whole; what was not is whole or absent; nothing that was deleted is back.

import type { Random } from "@sampan/env";
import type { Answer, Client } from "./client.ts";
import { digestOf } from "./content.ts";
import {
  type BlobEntry,
  type Ledger,
  type ManifestEntry,
  pick,
  type TagEntry,
  type UploadEntry,
} from "./ledger.ts";
import { withQuery } from "./pusher.ts";

/** Requests under way at once. */
const requestsMax = 8;
/** Blobs that were touched in so many rounds are read in full, of the others a sample is. */
const recentRounds = 2;
const olderRead = 40;
/** More than this many findings tell nothing new. */
const findingsMax = 8;

export interface VerifyContext {
  readonly client: Client;
  readonly ledger: Ledger;
  readonly random: Random;
  /** The disk may have lost bytes that no answer promised: an upload may then have to start anew. */
  readonly powerLoss: boolean;
  /** Read every blob in full, however old. */
  readonly everything: boolean;
}

export interface Verification {
  readonly findings: readonly string[];
  readonly blobs: number;
  readonly manifests: number;
  readonly tags: number;
  readonly uploadsResumed: number;
  /** Answered 404, or (after a power loss) refused at the end by their digest. */
  readonly uploadsLost: number;
}

interface Work {
  readonly context: VerifyContext;
  readonly findings: string[];
  readonly uploads: { resumed: number; lost: number };
}

export async function verify(context: VerifyContext): Promise<Verification> {
  const { ledger } = context;
  const work: Work = { context, findings: [], uploads: { resumed: 0, lost: 0 } };
  await each(work, [...ledger.projects.keys()], checkProject);
  await each(work, [...ledger.tags.values()], checkTag);
  await each(work, [...ledger.manifests.values()], checkManifest);
  await each(work, repositoriesOf(ledger), checkTagList);
  const heads = context.everything ? new Set<BlobEntry>() : headedBlobs(context);
  await each(work, [...ledger.blobs.values()], (within, blob) =>
    checkBlob(within, blob, !heads.has(blob)),
  );
  const uploads = ledger.uploads;
  ledger.uploads = [];
  await each(work, uploads, resumeUpload);
  return {
    findings: work.findings.slice(0, findingsMax),
    blobs: ledger.blobs.size,
    manifests: ledger.manifests.size,
    tags: ledger.tags.size,
    uploadsResumed: work.uploads.resumed,
    uploadsLost: work.uploads.lost,
  };
}

/** The blobs that are asked for with HEAD only. */
function headedBlobs({ ledger, random }: VerifyContext): Set<BlobEntry> {
  const older = [...ledger.blobs.values()].filter((blob) => !isRecent(ledger, blob.present));
  const heads = new Set(older);
  for (let count = olderRead; count > 0; count -= 1) {
    const blob = pick(random, older);
    if (blob !== undefined) heads.delete(blob);
  }
  return heads;
}

function isRecent(ledger: Ledger, { touchedRound }: BlobEntry["present"]): boolean {
  return touchedRound > ledger.round - recentRounds;
}

async function each<Item>(
  work: Work,
  items: readonly Item[],
  check: (work: Work, item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) {
      if (work.findings.length >= findingsMax) return;
      await check(work, item);
    }
  };
  await Promise.all(Array.from({ length: requestsMax }, lane));
}

/** The server sent less than it announced, or is gone: no answer at all. */
const brokenOff: Answer = { status: 0, headers: {}, body: Buffer.from("the connection broke") };

async function ask(work: Work, method: "GET" | "HEAD", path: string): Promise<Answer> {
  const accept = "application/vnd.oci.image.manifest.v1+json, */*";
  for (;;) {
    const answer = await work.context.client.send({ method, path, headers: { accept } });
    if (answer === null) return brokenOff;
    if (answer.status !== 503 && answer.status !== 429) return answer;
  }
}

// ---------------------------------------------------------------- names

async function checkProject(work: Work, name: string): Promise<void> {
  const path = `/api/v2.0/projects?project_name=${encodeURIComponent(name)}`;
  const answer = await ask(work, "HEAD", path);
  const isThere = presenceOf(work, answer, `project ${name}`);
  if (isThere === null) return;
  const register = work.context.ledger.project(name);
  const { possible } = register;
  if (register.observe(isThere)) return;
  work.findings.push(`project ${name} is ${isThere}, possible was ${possible.join(" or ")}`);
}

async function checkTag(work: Work, { repository, tag, target }: TagEntry): Promise<void> {
  const what = `tag ${repository}:${tag}`;
  const answer = await ask(work, "GET", `/v2/${repository}/manifests/${tag}`);
  const isThere = presenceOf(work, answer, what);
  if (isThere === null) return;
  const digest = isThere ? digestOf(answer.body) : null;
  if (isThere && answer.headers["docker-content-digest"] !== digest) {
    work.findings.push(`${what} is torn: it has ${digest}, and says otherwise`);
  }
  const { possible } = target;
  if (target.observe(digest)) return;
  work.findings.push(`${what} is ${digest}, possible was ${possible.join(" or ")}`);
}

async function checkTagList(work: Work, repository: string): Promise<void> {
  const answer = await ask(work, "GET", `/v2/${repository}/tags/list`);
  const listed: string[] =
    answer.status === 200 ? (JSON.parse(answer.body.toString()).tags ?? []) : [];
  const read = work.context.ledger.tagsOf(repository);
  const expected = read.filter((tag) => tag.target.certain).map((tag) => tag.tag);
  if (listed.sort().join() === expected.sort().join()) return;
  work.findings.push(`${repository} lists ${listed.join()}, readable are ${expected.join()}`);
}

function repositoriesOf(ledger: Ledger): string[] {
  return [...new Set([...ledger.tags.values()].map((tag) => tag.repository))];
}

// ---------------------------------------------------------------- content

async function checkManifest(work: Work, entry: ManifestEntry): Promise<void> {
  const { repository, digest, present } = entry;
  const what = `manifest ${repository}@${digest}`;
  const answer = await ask(work, "GET", `/v2/${repository}/manifests/${digest}`);
  const isThere = presenceOf(work, answer, what);
  if (isThere === null) return;
  if (isThere && digestOf(answer.body) !== digest) work.findings.push(`${what} has other bytes`);
  observePresence(work, what, { register: present, isThere });
  // The blobs of an older one are asked for by themselves.
  if (!isThere || !isRecent(work.context.ledger, present)) return;
  for (const blob of entry.blobs) {
    const head = await ask(work, "HEAD", `/v2/${repository}/blobs/${blob}`);
    if (head.status !== 200) work.findings.push(`${what} is torn: ${head.status} for ${blob}`);
  }
}

async function checkBlob(work: Work, entry: BlobEntry, full: boolean): Promise<void> {
  const { repository, digest, bytes, present } = entry;
  const what = `blob ${repository}@${digest} (${bytes} bytes)`;
  const answer = await ask(work, full ? "GET" : "HEAD", `/v2/${repository}/blobs/${digest}`);
  const isThere = presenceOf(work, answer, what);
  if (isThere === null) return;
  if (!isThere && work.context.ledger.mayBeTaken(entry, performance.now())) {
    entry.isLoose = true;
    return;
  }
  observePresence(work, what, { register: present, isThere });
  if (!isThere) return;
  const length = Number(answer.headers["content-length"]);
  if (length !== bytes) work.findings.push(`${what} is ${length} bytes long`);
  else if (full && digestOf(answer.body) !== digest) work.findings.push(`${what} has other bytes`);
}

function observePresence(work: Work, what: string, seen: Presence): void {
  const { possible } = seen.register;
  if (seen.register.observe(seen.isThere)) return;
  const word = seen.isThere ? "is back, its deletion was acknowledged" : "is lost";
  work.findings.push(`${what} ${word} (possible: ${possible.join(" or ")})`);
}

interface Presence {
  readonly register: ManifestEntry["present"];
  readonly isThere: boolean;
}

/** Null for an answer that says neither. */
function presenceOf(work: Work, answer: Answer, what: string): boolean | null {
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  work.findings.push(`${what}: ${answer.status} ${answer.body.toString().slice(0, 200)}`);
  return null;
}

// ---------------------------------------------------------------- uploads

/** Goes on where the server says, and must end in the whole blob, or be told to start anew. */
async function resumeUpload(work: Work, upload: UploadEntry): Promise<void> {
  const { client, ledger, powerLoss } = work.context;
  const what = `upload ${upload.location}`;
  const status = await ask(work, "GET", upload.location);
  if (status.status === 404) {
    work.uploads.lost += 1;
    return;
  }
  const stored = storedBytes(status);
  if (stored === null || stored > upload.sentBytes) {
    work.findings.push(`${what}: ${status.status}, range ${status.headers.range}`);
    return;
  }
  // The process died, not the disk: what was written is there.
  if (!powerLoss && stored < upload.acknowledgedBytes) {
    work.findings.push(`${what} holds ${stored} bytes, acknowledged ${upload.acknowledgedBytes}`);
  }
  const entry = ledger.blob(upload.repository, upload.digest, upload.content.length);
  entry.present.attempt(true, ledger.round);
  const pushedMs = performance.now();
  const done = await client.send({
    method: "PUT",
    path: withQuery(upload.location, `digest=${encodeURIComponent(upload.digest)}`),
    headers: {
      "content-type": "application/octet-stream",
      "content-range": `${stored}-${upload.content.length - 1}`,
    },
    body: upload.content.subarray(stored),
  });
  if (done?.status === 201) {
    entry.present.acknowledge(true);
    entry.isLoose = false;
    entry.pushedMs = pushedMs;
    work.uploads.resumed += 1;
    await checkBlob(work, entry, true);
  } else if (stored === 0 && done?.status === 416) {
    // `0-0` is said of one byte, and of none (distribution-spec, GET of an upload): it was one.
    work.uploads.lost += 1;
  } else if (powerLoss && done?.status === 400) {
    // Sectors in its middle were lost: the digest says so, the client starts anew.
    work.uploads.lost += 1;
  } else {
    work.findings.push(`${what}: ${done?.status} ${done?.body.toString().slice(0, 200)}`);
  }
}

/** Of `Range: 0-N`; `0-0` says that nothing is stored. */
function storedBytes(status: Answer): number | null {
  const end = /^0-(\d+)$/.exec(status.headers.range ?? "")?.[1];
  if (status.status !== 204 || end === undefined) return null;
  return end === "0" ? 0 : Number(end) + 1;
}
