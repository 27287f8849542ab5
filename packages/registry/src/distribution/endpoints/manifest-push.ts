// PUT of a manifest (OCI distribution-spec, end-7): read, parsed, compared with its digest, then
// one transaction that links it, points its tags and enters it among the referrers of its subject.

import { IoError } from "@sampan/env";
import {
  computeDigest,
  type Digest,
  digestAlgorithm,
  type Manifest,
  manifestBytesMax,
  parseManifest,
  parseReference,
  parseTag,
  type Tag,
} from "@sampan/oci/model";
import { actorOf } from "../../auth/auth.ts";
import {
  type ManifestContent,
  type ManifestPush,
  manifestInlineBytesMax,
  pushTagsMax,
  putManifest as putManifestRecord,
} from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { manifestUrl } from "../links.ts";
import {
  emptyReply,
  failureReply,
  projectUnknownReply,
  type Reply,
  tooBusyReply,
  tryAgainReply,
} from "../reply.ts";
import { type Call, headerOf, queryOf, type RequestBody } from "../request.ts";

/** What the path and the query ask for: tags to point, and a digest the bytes must have. */
interface Target {
  readonly tags: readonly Tag[];
  readonly digest: Digest | null;
}

export async function putManifest(context: DistributionContext, call: Call): Promise<Reply> {
  const target = parseTarget(call);
  if ("status" in target) return target;
  if (!context.manifestBodies.enter()) return tooBusyReply("too many manifests at once");
  try {
    const bytes = await readWhole(call.request.body, manifestBytesMax);
    if (bytes === null) {
      const message = `the manifest is larger than ${manifestBytesMax} bytes`;
      return failureReply("manifest-too-large", { message });
    }
    return await push(context, call, { target, bytes });
  } finally {
    context.manifestBodies.leave();
  }
}

function parseTarget(call: Call): Target | Reply {
  const reference = parseReference(call.argument);
  if (!reference.ok) {
    return failureReply(reference.error, { detail: { reference: call.argument } });
  }
  const names = queryOf(call.request).getAll("tag");
  if (reference.value.type === "tag") return { tags: [reference.value.tag], digest: null };
  if (names.length > pushTagsMax) {
    return failureReply("tag-invalid", { message: `at most ${pushTagsMax} tags at once` });
  }
  const tags: Tag[] = [];
  for (const name of names) {
    const tag = parseTag(name);
    if (!tag.ok) return failureReply(tag.error, { detail: { tag: name } });
    if (!tags.includes(tag.value)) tags.push(tag.value);
  }
  return { tags, digest: reference.value.digest };
}

/** Null when there is more than `bytesMax`; what follows is not read. */
async function readWhole(body: RequestBody, bytesMax: number): Promise<Buffer | null> {
  if ((body.bytes ?? 0) > bytesMax) return null;
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    await body.drain((chunk) => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw new IoError("too-large", "the body is too large");
      parts.push(Buffer.from(chunk));
      return null;
    });
  } catch (error) {
    if (bytes > bytesMax) return null;
    throw error;
  }
  return Buffer.concat(parts);
}

async function push(
  context: DistributionContext,
  call: Call,
  what: { readonly target: Target; readonly bytes: Buffer },
): Promise<Reply> {
  const { target, bytes } = what;
  const manifest = parseManifest(bytes, headerOf(call.request, "content-type"));
  if (!manifest.ok) {
    return failureReply(manifest.error.code, { message: manifest.error.message });
  }
  const algorithm = target.digest === null ? "sha256" : digestAlgorithm(target.digest);
  const digest = computeDigest(bytes, algorithm);
  if (target.digest !== null && target.digest !== digest) {
    return failureReply("digest-mismatch", {
      detail: { expected: target.digest, computed: digest },
    });
  }
  const content = await keepContent(context, bytes);
  const record: ManifestPush = {
    repository: call.repository,
    tags: target.tags,
    digest,
    manifest: manifest.value,
    bytes: bytes.byteLength,
    content,
    sparse: context.sparseIndexes,
    actor: actorOf(call.identity),
    nowMs: context.env.clock.now(),
  };
  const result = await putManifestRecord(context.store, record);
  if (result.ok) {
    if (result.value.surplus !== null) await context.blobs.delete(result.value.surplus);
    const { subject } = result.value;
    return pushedReply(call, record, { subject, named: target.digest === null ? [] : target.tags });
  }
  const { error } = result;
  // Where nobody knows whether a record names the bytes, the sweep decides on them.
  if (content.type === "location" && error.code !== "undetermined") {
    await context.blobs.delete(content.location);
  }
  switch (error.code) {
    case "contended":
    case "undetermined":
      return tryAgainReply("the repository is being changed by others, try again");
    case "manifest-blob-unknown":
      return failureReply(error.code, { detail: missingOf(manifest.value, error.digests) });
    case "size-mismatch": {
      const { digest, claimed, stored } = error;
      return failureReply("manifest-invalid", {
        message: `the manifest gives ${digest} ${claimed} bytes, stored are ${stored}`,
        detail: { digest, claimed, stored },
      });
    }
    case "project-unknown":
      return projectUnknownReply(call.repository);
    case "annotations-too-large":
      return failureReply("manifest-invalid", {
        message: "the annotations are too large for a list of referrers",
      });
  }
}

/** A large manifest is durable in the blob store before the record that names it. */
async function keepContent(context: DistributionContext, bytes: Buffer): Promise<ManifestContent> {
  if (bytes.byteLength <= manifestInlineBytesMax) return { type: "inline", bytes };
  const file = await context.blobs.create();
  try {
    await file.append(bytes);
    await file.commit();
  } catch (error) {
    await context.blobs.delete(file.location);
    throw error;
  }
  return { type: "location", location: file.location };
}

interface Pushed {
  readonly subject: Digest | null;
  /** Tags that the query named: confirmed one by one. */
  readonly named: readonly Tag[];
}

function pushedReply(call: Call, record: ManifestPush, pushed: Pushed): Reply {
  const { digest, repository } = record;
  const headers = [
    "Location",
    manifestUrl(call.request.origin, repository, digest),
    "Docker-Content-Digest",
    digest,
  ];
  if (pushed.subject !== null) headers.push("OCI-Subject", pushed.subject);
  for (const tag of pushed.named) headers.push("OCI-Tag", tag);
  return emptyReply(201, headers);
}

/** The first of them: enough to find the mistake, whatever the manifest's length. */
const missingToldMax = 16;

function missingOf(manifest: Manifest, digests: readonly Digest[]): unknown {
  const kind = manifest.type === "index" ? "manifest" : "blob";
  return digests.slice(0, missingToldMax).map((digest) => ({ kind, digest }));
}
