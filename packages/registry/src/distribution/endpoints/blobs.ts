// Blobs by digest: GET with ranges, HEAD, DELETE (OCI distribution-spec, end-2 and end-10).
// hot path

import {
  type ByteRange,
  type Digest,
  formatContentRange,
  formatUnsatisfiedRange,
  parseDigest,
  parseRange,
} from "@sampan/oci/model";
import { deleteBlob as deleteBlobRecord, type FoundBlob, findBlob } from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import {
  bareReply,
  contentReply,
  emptyReply,
  failureReply,
  type Reply,
  tryAgainReply,
} from "../reply.ts";
import { type Call, headerOf } from "../request.ts";
import { etagOf, isKnownToClient, isRangeWanted } from "./conditions.ts";
import { isWhole } from "./whole.ts";

/** Content that is named by its digest never changes: a year, as from distribution. */
const cacheControl = "max-age=31536000";
const blobType = "application/octet-stream";

/** GET and HEAD; the edge leaves the body out of an answer to HEAD. */
export async function getBlob(context: DistributionContext, call: Call): Promise<Reply> {
  const digest = parseDigest(call.argument);
  if (!digest.ok) return failureReply(digest.error, { detail: { digest: call.argument } });
  const reader = await context.store.snapshot();
  let blob: FoundBlob | null;
  try {
    blob = await findBlob(reader, call.repository, digest.value);
  } finally {
    reader.release();
  }
  if (blob === null) return unknownBlob(digest.value);
  // A client that hears "it is there" does not send it: of a damaged one it must not hear that.
  if (call.request.method === "HEAD" && !(await isWhole(context, blob))) {
    context.env.log.error("a blob's bytes are missing or cut short", { digest: digest.value });
    return unknownBlob(digest.value);
  }
  return await blobReply(context, call, { digest: digest.value, blob });
}

function unknownBlob(digest: Digest): Reply {
  return failureReply("blob-unknown", { detail: { digest } });
}

async function blobReply(
  context: DistributionContext,
  call: Call,
  found: { readonly digest: Digest; readonly blob: FoundBlob },
): Promise<Reply> {
  const { digest, blob } = found;
  const { method } = call.request;
  const etag = etagOf(digest);
  if (isKnownToClient(headerOf(call.request, "if-none-match"), digest)) {
    return bareReply(304, ["ETag", etag, "Cache-Control", cacheControl]);
  }
  // RFC 9110, 14.2: a range has a meaning with GET only.
  const ranged = method === "GET" && isRangeWanted(headerOf(call.request, "if-range"), digest);
  const wanted = parseRange(ranged ? call.request.headers.range : undefined, blob.bytes);
  if (wanted.type === "unsatisfiable") {
    return failureReply("range-unsatisfiable", {
      headers: ["Content-Range", formatUnsatisfiedRange(blob.bytes)],
    });
  }
  const whole: ByteRange = { start: 0, end: blob.bytes };
  const range = wanted.type === "partial" ? wanted.range : whole;
  const body = method === "GET" ? context.blobs.body(blob.location, range) : null;
  if (body?.type === "stream" && body.signedUrl !== undefined) {
    // Without `Cache-Control`: the URL is good for a while, the blob for ever. The client repeats
    // its `Range` there.
    const location = await body.signedUrl();
    return emptyReply(307, ["Location", location, "Docker-Content-Digest", digest, "ETag", etag]);
  }
  const answer = [
    "Docker-Content-Digest",
    digest,
    "ETag",
    etag,
    "Cache-Control",
    cacheControl,
    "Accept-Ranges",
    "bytes",
  ];
  if (wanted.type === "partial") {
    answer.push("Content-Range", formatContentRange(range, blob.bytes));
  }
  const content = {
    type: blobType,
    bytes: range.end - range.start,
    body,
  };
  return contentReply(wanted.type === "partial" ? 206 : 200, content, answer);
}

/** Takes the blob out of this repository alone; its bytes are collected when no one has it. */
export async function deleteBlob(context: DistributionContext, call: Call): Promise<Reply> {
  const digest = parseDigest(call.argument);
  if (!digest.ok) return failureReply(digest.error, { detail: { digest: call.argument } });
  const nowMs = context.env.clock.now();
  const what = { repository: call.repository, digest: digest.value, nowMs };
  const deleted = await deleteBlobRecord(context.store, what);
  if (deleted.ok) return emptyReply(202);
  switch (deleted.error.code) {
    case "blob-unknown":
      return unknownBlob(digest.value);
    case "blob-in-use":
      return failureReply("unsupported", {
        message: "a manifest of this repository names the blob: delete the manifest first",
        detail: { digest: digest.value },
      });
    case "contended":
    case "undetermined":
      return tryAgainReply("the blob is being changed by others, try again");
  }
}
