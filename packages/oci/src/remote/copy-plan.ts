// What a copy has to move: reads the manifests of the source, from the one that is named down to
// those without children, and with them what refers to them.

import type { Result } from "@sampan/env";
import { err, IoError, ok } from "@sampan/env";
import type { Descriptor, Digest, Manifest, Reference, Tag } from "../model/index.ts";
import {
  formatReference,
  isManifestMediaType,
  parseManifest,
  requiredBlobs,
  requiredManifests,
} from "../model/index.ts";
import type { CopyFailure, CopySource } from "./copy.ts";
import type { PlatformChoice } from "./platform.ts";
import {
  choosePlatform,
  formatPlatform,
  isPlatform,
  platformOfConfig,
  platformsOf,
} from "./platform.ts";
import { referrersTag } from "./referrers.ts";
import type { RemoteManifest } from "./remote.ts";

export interface PlannedManifest {
  readonly digest: Digest;
  readonly content: RemoteManifest;
  readonly manifest: Manifest;
  /** Under which it is known besides its digest: signatures that are found by a tag alone. */
  readonly tag: Tag | null;
}

export interface CopyPlan {
  /** A manifest comes behind all that it needs; the one that was named is the last. */
  readonly manifests: readonly PlannedManifest[];
  readonly root: PlannedManifest;
  /** Each once. */
  readonly blobs: readonly Descriptor[];
  /** What refers to a manifest of the plan, by that manifest. */
  readonly referrers: ReadonlyMap<Digest, readonly Descriptor[]>;
}

/** A source that names ever more manifests is given up. */
const manifestsMax = 5_000;
const manifestBytesSumMax = 256 * 1024 * 1024;
const configBytesMax = 8 * 1024 * 1024;
/** Signatures, attestations and SBOMs of cosign before it used referrers, behind `sha256-<hex>`. */
const cosignSuffixes = ["sig", "att", "sbom"] as const;

/** Counts what is planned while it grows. */
interface Draft {
  readonly source: CopySource;
  readonly manifests: PlannedManifest[];
  readonly seen: Set<Digest>;
  readonly referrers: Map<Digest, readonly Descriptor[]>;
  bytes: number;
}

export async function planCopy(source: CopySource): Promise<Result<CopyPlan, CopyFailure>> {
  const draft: Draft = {
    source,
    manifests: [],
    seen: new Set(),
    referrers: new Map(),
    bytes: 0,
  };
  const named = await readManifest(draft, source.reference);
  if (!named.ok) return named;
  const root = await chooseRoot(draft, named.value);
  if (!root.ok) return root;
  draft.seen.add(root.value.digest);
  const needed = await addNeeds(draft, root.value);
  if (!needed.ok) return needed;
  if (source.referrers) {
    const added = await addReferrers(draft, root.value);
    if (!added.ok) return added;
  }
  draft.manifests.push(root.value);
  return ok({
    manifests: draft.manifests,
    root: root.value,
    blobs: blobsOf(draft.manifests),
    referrers: draft.referrers,
  });
}

async function readManifest(
  draft: Draft,
  reference: Reference,
): Promise<Result<PlannedManifest, CopyFailure>> {
  const { repository, signal } = draft.source;
  const content = await repository.getManifest(reference, signal);
  if (!content.ok) return content;
  draft.bytes += content.value.bytes.length;
  if (draft.bytes > manifestBytesSumMax) {
    throw new IoError("too-large", `the manifests are larger than ${manifestBytesSumMax} bytes`);
  }
  const { digest, bytes, mediaType } = content.value;
  const manifest = parseManifest(bytes, mediaType);
  if (manifest.ok) {
    return ok({ digest, content: content.value, manifest: manifest.value, tag: null });
  }
  const message = `${formatReference(reference)} at the source: ${manifest.error.message}`;
  return err({ code: "manifest-invalid", message });
}

/** The manifest that was named, or of an index the one for the platform that is wanted. */
async function chooseRoot(
  draft: Draft,
  named: PlannedManifest,
): Promise<Result<PlannedManifest, CopyFailure>> {
  const { platform, repository, signal } = draft.source;
  if (platform === null) return ok(named);
  if (named.manifest.type === "index") {
    const child = choosePlatform(named.manifest, platform);
    if (child !== null) return await readChild(draft, child);
    return platformMissing(platform, platformsOf(named.manifest));
  }
  const { config } = named.manifest;
  const blob = await repository.getBlob(config.digest, { size: config.size, ...given(signal) });
  if (!blob.ok) return blob;
  const own = platformOfConfig(await readBounded(blob.value.stream));
  if (own !== null && isPlatform(own, platform)) return ok(named);
  return platformMissing(platform, own === null ? [] : [formatPlatform(own)]);
}

function platformMissing(
  platform: PlatformChoice,
  offered: readonly string[],
): Result<never, CopyFailure> {
  const there = offered.length === 0 ? "it names no platform" : `it is for ${offered.join(", ")}`;
  const message = `the source is not for ${formatPlatform(platform)}: ${there}`;
  return err({ code: "platform-missing", message });
}

/** What `parent` cannot be without, each behind what it needs itself. */
async function addNeeds(draft: Draft, parent: PlannedManifest): Promise<Result<null, CopyFailure>> {
  for (const child of requiredManifests(parent.manifest)) {
    // An index may list content of any kind: what is no manifest moves as a blob.
    if (!isManifestMediaType(child.mediaType) || draft.seen.has(child.digest)) continue;
    const read = await readChild(draft, child);
    if (!read.ok) return read;
    const added = await add(draft, read.value);
    if (!added.ok) return added;
  }
  return ok(null);
}

async function readChild(
  draft: Draft,
  child: Descriptor,
): Promise<Result<PlannedManifest, CopyFailure>> {
  const read = await readManifest(draft, { type: "digest", digest: child.digest });
  if (!read.ok || read.value.content.bytes.length === child.size) return read;
  const message = `manifest ${child.digest} has another size than its index says`;
  return err({ code: "manifest-invalid", message });
}

async function add(draft: Draft, planned: PlannedManifest): Promise<Result<null, CopyFailure>> {
  if (draft.seen.has(planned.digest)) return ok(null);
  draft.seen.add(planned.digest);
  if (draft.seen.size > manifestsMax) {
    throw new IoError("too-large", `the source names more than ${manifestsMax} manifests`);
  }
  const needed = await addNeeds(draft, planned);
  if (!needed.ok) return needed;
  if (draft.source.referrers) {
    const referring = await addReferrers(draft, planned);
    if (!referring.ok) return referring;
  }
  draft.manifests.push(planned);
  return ok(null);
}

/** A signature may be signed in turn, so what refers is looked at like any other manifest. */
async function addReferrers(
  draft: Draft,
  subject: PlannedManifest,
): Promise<Result<null, CopyFailure>> {
  const { repository, signal } = draft.source;
  const listed = await repository.listReferrers(subject.digest, given(signal));
  if (!listed.ok) return listed;
  if (listed.value.descriptors.length > 0) {
    draft.referrers.set(subject.digest, listed.value.descriptors);
  }
  for (const item of listed.value.descriptors) {
    if (draft.seen.has(item.digest)) continue;
    const read = await readChild(draft, item);
    if (!read.ok) return read;
    const added = await add(draft, read.value);
    if (!added.ok) return added;
  }
  return await addTagged(draft, subject);
}

async function addTagged(
  draft: Draft,
  subject: PlannedManifest,
): Promise<Result<null, CopyFailure>> {
  const { repository, signal } = draft.source;
  for (const suffix of cosignSuffixes) {
    const tag = `${referrersTag(subject.digest)}.${suffix}` as Tag;
    const reference = { type: "tag", tag } as const;
    const there = await repository.headManifest(reference, signal);
    if (!there.ok && there.error.code === "not-found") continue;
    if (!there.ok) return there;
    const read = await readManifest(draft, reference);
    if (!read.ok) return read;
    const added = await add(draft, read.value);
    if (!added.ok) return added;
    // Behind itself without the tag, as all that it needs is then.
    draft.manifests.push({ ...read.value, tag });
  }
  return ok(null);
}

function blobsOf(manifests: readonly PlannedManifest[]): Descriptor[] {
  const blobs = new Map<Digest, Descriptor>();
  for (const { manifest } of manifests) {
    const others = requiredManifests(manifest).filter(
      (child) => !isManifestMediaType(child.mediaType),
    );
    for (const blob of [...requiredBlobs(manifest), ...others]) blobs.set(blob.digest, blob);
  }
  return [...blobs.values()];
}

async function readBounded(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > configBytesMax) throw new IoError("too-large", "the configuration is too large");
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
