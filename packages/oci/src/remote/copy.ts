// Copies an image, an index or an artifact from one repository to another, of any two registries:
// blobs first, then manifests, the one with the name last, so that a name never shows a part.

import { setMaxListeners } from "node:events";
import type { Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Descriptor, Digest, Reference, RepositoryName } from "../model/index.ts";
import { mediaTypes } from "../model/index.ts";
import type { CopyPlan, PlannedManifest } from "./copy-plan.ts";
import { planCopy } from "./copy-plan.ts";
import type { RemoteFailure } from "./failure.ts";
import type { PlatformChoice } from "./platform.ts";
import { referrersTag } from "./referrers.ts";
import type { RemoteRepository } from "./remote.ts";
import type { BlobSource } from "./uploads.ts";

export interface CopySource {
  readonly repository: RemoteRepository;
  readonly reference: Reference;
  /** null: all platforms of an index. */
  readonly platform: PlatformChoice | null;
  /** Also what refers to the image and its children: signatures, SBOMs, attestations. */
  readonly referrers: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface CopyTarget {
  readonly repository: RemoteRepository;
  /** null: by its digest alone. A digest has to be the one of what is copied. */
  readonly reference: Reference | null;
  /** The source's name, where both are repositories of one registry. */
  readonly mountFrom: RepositoryName | null;
  /** Blobs that move at the same time; each holds a few hundred KiB of memory. */
  readonly blobsAtOnce: number;
}

export interface CopyFailure {
  readonly code: RemoteFailure["code"] | "manifest-invalid" | "platform-missing" | "digest-differs";
  readonly message: string;
}

/** `present`: the target had it. */
export type BlobOutcome = "copied" | "mounted" | "present";

/** Told what happens while it happens. Must not throw. */
export interface CopyObserver {
  planned(blobs: readonly Descriptor[], manifests: number): void;
  /** `bytes` of the blob have passed; less than before when some are sent again. */
  moved(blob: Descriptor, bytes: number): void;
  finished(blob: Descriptor, outcome: BlobOutcome): void;
}

export interface CopyReport {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly manifests: number;
  readonly blobs: Readonly<Record<BlobOutcome, number>>;
  /** Of the blobs that were copied. */
  readonly bytes: number;
}

export async function copyArtifact(
  source: CopySource,
  target: CopyTarget,
  observer: CopyObserver,
): Promise<Result<CopyReport, CopyFailure>> {
  const planned = await planCopy(source);
  if (!planned.ok) return planned;
  const plan = planned.value;
  const { root } = plan;
  if (target.reference?.type === "digest" && target.reference.digest !== root.digest) {
    const message = `the source is ${root.digest}, not ${target.reference.digest}`;
    return err({ code: "digest-differs", message });
  }
  observer.planned(plan.blobs, plan.manifests.length);
  const tally = { copied: 0, mounted: 0, present: 0, bytes: 0 };
  const blobs = await copyBlobs({ source, target, observer, tally }, plan.blobs);
  if (!blobs.ok) return blobs;
  const manifests = await putManifests({ source, target }, plan);
  if (!manifests.ok) return manifests;
  const { bytes, ...outcomes } = tally;
  return ok({
    digest: root.digest,
    mediaType: root.manifest.mediaType,
    manifests: plan.manifests.length,
    blobs: outcomes,
    bytes,
  });
}

interface Between {
  readonly source: CopySource;
  readonly target: CopyTarget;
}

interface Copying extends Between {
  readonly observer: CopyObserver;
  readonly tally: Record<BlobOutcome | "bytes", number>;
}

const listenersPerBlob = 8;

/** Several at once, the largest first: the last one to end is then a small one. */
async function copyBlobs(
  copying: Copying,
  blobs: readonly Descriptor[],
): Promise<Result<null, CopyFailure>> {
  const queue = [...blobs].sort((a, b) => b.size - a.size).values();
  const failed = new AbortController();
  const { signal } = copying.source;
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  // Each blob on its way has a request at both registries, and each request listens.
  setMaxListeners(copying.target.blobsAtOnce * listenersPerBlob, either);
  let failure: CopyFailure | null = null;
  const work = async (): Promise<void> => {
    for (const blob of queue) {
      const copied = await copyBlob(copying, blob, either);
      if (copied.ok) continue;
      failure ??= copied.error;
      failed.abort();
      return;
    }
  };
  const workers = Array.from({ length: copying.target.blobsAtOnce }, () =>
    work().catch((error: unknown) => {
      // What the others die of is only that this one failed.
      const first = !failed.signal.aborted;
      failed.abort();
      if (first) throw error;
    }),
  );
  const settled = await Promise.allSettled(workers);
  const thrown = settled.find((result) => result.status === "rejected");
  if (thrown !== undefined) throw thrown.reason;
  return failure === null ? ok(null) : err(failure);
}

async function copyBlob(
  { source, target, observer, tally }: Copying,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Result<null, RemoteFailure>> {
  const done = (outcome: BlobOutcome): void => {
    tally[outcome] += 1;
    if (outcome === "copied") tally.bytes += blob.size;
    observer.finished(blob, outcome);
  };
  // Some registries refuse to look into a repository that is only about to be: then the push tells.
  const there = await target.repository.headBlob(blob.digest, signal);
  if (there.ok) {
    done("present");
    return ok(null);
  }
  const bytes = blobSource(source.repository, blob, { observer, signal });
  const { mountFrom } = target;
  const pushed = await target.repository.pushBlob(blob.digest, bytes, {
    signal,
    ...(mountFrom === null ? {} : { mountFrom }),
  });
  if (!pushed.ok) return pushed;
  done(pushed.value === "mounted" ? "mounted" : "copied");
  return ok(null);
}

/** The blob of the source as bytes to send, from wherever the target is. */
function blobSource(
  repository: RemoteRepository,
  blob: Descriptor,
  to: { readonly observer: CopyObserver; readonly signal: AbortSignal },
): BlobSource {
  const { digest, size } = blob;
  return {
    bytes: size,
    read: async function* (start, end) {
      if (start === end) return;
      const range = start === 0 && end === size ? {} : { range: { start, end } };
      const part = await repository.getBlob(digest, { ...range, size, signal: to.signal });
      if (!part.ok) throw new IoError("refused", part.error.message);
      let passed = start;
      for await (const chunk of part.value.stream) {
        yield chunk;
        passed += chunk.length;
        to.observer.moved(blob, passed);
      }
    },
  };
}

async function putManifests(
  { source, target }: Between,
  plan: CopyPlan,
): Promise<Result<null, CopyFailure>> {
  const { repository } = target;
  for (const planned of plan.manifests) {
    if (planned === plan.root) {
      const listed = await putReferrersTags({ source, target }, plan);
      if (!listed.ok) return listed;
    }
    for (const reference of referencesOf(planned, plan, target)) {
      const { bytes } = planned.content;
      const content = { bytes, mediaType: planned.manifest.mediaType };
      const put = await repository.putManifest(reference, content, source.signal);
      if (!put.ok) return put;
    }
  }
  return ok(null);
}

function referencesOf(
  planned: PlannedManifest,
  plan: CopyPlan,
  { reference }: CopyTarget,
): Reference[] {
  if (planned === plan.root && reference !== null) return [reference];
  if (planned.tag !== null) return [{ type: "tag", tag: planned.tag }];
  return [{ type: "digest", digest: planned.digest }];
}

/**
 * In a registry without the referrers API clients find what refers to a manifest by a tag, which
 * whoever pushes keeps (distribution-spec, "Pushing Manifests with Subject").
 */
async function putReferrersTags(
  { source, target }: Between,
  plan: CopyPlan,
): Promise<Result<null, CopyFailure>> {
  const { repository } = target;
  const { signal } = source;
  for (const [subject, descriptors] of plan.referrers) {
    const listed = await repository.listReferrers(subject, signal === undefined ? {} : { signal });
    if (!listed.ok) return listed;
    if (listed.value.api) continue;
    const all = new Map(
      [...listed.value.descriptors, ...descriptors].map((item) => [item.digest, item]),
    );
    const tag = referrersTag(subject);
    const content = { mediaType: mediaTypes.ociIndex, bytes: indexOf([...all.values()]) };
    const put = await repository.putManifest({ type: "tag", tag }, content, signal);
    if (!put.ok) return put;
  }
  return ok(null);
}

function indexOf(descriptors: readonly Descriptor[]): Uint8Array {
  const manifests = descriptors.map(({ mediaType, digest, size, artifactType, annotations }) => ({
    mediaType,
    digest,
    size,
    ...(artifactType === null ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  return Buffer.from(JSON.stringify(index));
}
