// Manifests by tag or digest: GET, HEAD, DELETE (OCI distribution-spec, end-3 and end-9). What was
// pushed is what is answered, byte for byte and under its own media type: converting would change
// the digest. // hot path

import type { Result } from "@sampan/env";
import { parseReference, type Reference } from "@sampan/oci/model";
import { actorOf } from "../../auth/auth.ts";
import {
  deleteManifest as deleteManifestRecord,
  deleteTag,
  type FoundManifest,
  findManifest,
  findRepository,
  type ManifestStat,
  statManifest,
  type Unsettled,
} from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { reading } from "../reading.ts";
import {
  bareReply,
  contentReply,
  emptyReply,
  failureReply,
  type Reply,
  tryAgainReply,
} from "../reply.ts";
import { type Call, headerOf } from "../request.ts";
import { etagOf, isKnownToClient } from "./conditions.ts";

export async function getManifest(context: DistributionContext, call: Call): Promise<Reply> {
  const reference = parseReference(call.argument);
  if (!reference.ok) return badReference(call, reference.error);
  const reader = await context.store.snapshot();
  let found: FoundManifest | null;
  try {
    found = await findManifest(reader, call.repository, reference.value);
  } finally {
    reader.release();
  }
  if (found === null) return await missing(context, call);
  const { content } = found;
  const body =
    content.type === "inline"
      ? ({ type: "bytes", bytes: content.bytes } as const)
      : context.blobs.body(content.location, { start: 0, end: found.bytes });
  return manifestReply(call, found, body);
}

export async function headManifest(context: DistributionContext, call: Call): Promise<Reply> {
  const reference = parseReference(call.argument);
  if (!reference.ok) return badReference(call, reference.error);
  const reader = await context.store.snapshot();
  let found: ManifestStat | null;
  try {
    found = await statManifest(reader, call.repository, reference.value);
  } finally {
    reader.release();
  }
  return found === null ? await missing(context, call) : manifestReply(call, found, null);
}

function manifestReply(call: Call, found: ManifestStat, body: Reply["body"]): Reply {
  const headers = ["Docker-Content-Digest", found.digest, "ETag", etagOf(found.digest)];
  if (isKnownToClient(headerOf(call.request, "if-none-match"), found.digest)) {
    return bareReply(304, headers);
  }
  return contentReply(200, { type: found.mediaType, bytes: found.bytes, body }, headers);
}

/** A text that can be no tag names nothing, a bad digest is a mistake worth telling. */
function badReference(call: Call, error: "tag-invalid" | "digest-invalid" | "digest-unsupported") {
  if (error === "tag-invalid") return unknownManifest(call);
  return failureReply(error, { detail: { digest: call.argument } });
}

function unknownManifest(call: Call): Reply {
  return failureReply("manifest-unknown", {
    detail: { name: call.repository, reference: call.argument },
  });
}

/**
 * Tells a wrong repository from a wrong reference: the one read more is paid by the mistaken alone.
 */
async function missing(context: DistributionContext, call: Call): Promise<Reply> {
  const repository = await reading(context.store, (reader) =>
    findRepository(reader, call.repository),
  );
  if (repository !== null) return unknownManifest(call);
  return failureReply("name-unknown", { detail: { name: call.repository } });
}

/** By digest the manifest goes, with its tags; by tag only the tag. */
export async function deleteManifest(context: DistributionContext, call: Call): Promise<Reply> {
  const reference = parseReference(call.argument);
  if (!reference.ok) return badReference(call, reference.error);
  const removed = await remove(context, call, reference.value);
  if (removed.ok) return emptyReply(202);
  switch (removed.error.code) {
    case "manifest-unknown":
    case "tag-unknown":
      return await missing(context, call);
    case "contended":
    case "undetermined":
      return tryAgainReply("the manifest is being changed by others, try again");
  }
}

type Removal = Result<
  null,
  { readonly code: "manifest-unknown" } | { readonly code: "tag-unknown" } | Unsettled
>;

function remove(context: DistributionContext, call: Call, reference: Reference): Promise<Removal> {
  const { repository } = call;
  const by = { repository, actor: actorOf(call.identity), nowMs: context.env.clock.now() };
  if (reference.type === "tag") return deleteTag(context.store, { ...by, tag: reference.tag });
  return deleteManifestRecord(context.store, { ...by, digest: reference.digest });
}
