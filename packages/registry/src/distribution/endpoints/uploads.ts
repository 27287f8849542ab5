// Uploads of blobs (OCI distribution-spec, end-4 to end-6, end-11, end-13, end-14): begun with
// POST, filled with PATCH, ended with PUT; or all in one POST; or spared by a mount. The bytes are
// durable before the one transaction that makes them a blob of the repository and ends the upload.

import { assert, errorCode } from "@sampan/env";
import {
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  distributionErrors,
  formatUploadRange,
  isDigestAlgorithm,
  parseDigest,
} from "@sampan/oci/model";
import { actorOf } from "../../auth/auth.ts";
import { clientOf } from "../../auth/client-address.ts";
import type { BlobUpload } from "../../blobs/blobs.ts";
import {
  type ChunkRefusal,
  chunkBytesMin,
  decideChunk,
  decideReceived,
  decideTooMuch,
} from "../../core/upload.ts";
import {
  commitBlob,
  createUpload,
  type FoundBlob,
  findUpload,
  type Upload,
} from "../../meta/index.ts";
import type { DistributionContext } from "../context.ts";
import { blobUrl, uploadUrl } from "../links.ts";
import { reading } from "../reading.ts";
import {
  bareReply,
  emptyReply,
  failureReply,
  projectUnknownReply,
  type Reply,
  tooBusyReply,
  tryAgainReply,
} from "../reply.ts";
import { type Call, headerOf, queryOf } from "../request.ts";
import type { UploadSession } from "../uploads/sessions.ts";
import {
  digestOfStored,
  discardUpload,
  isBlobFailure,
  tryDiscard,
} from "../uploads/upload-files.ts";
import { mount } from "./mount.ts";
import { isBlobWhole, isWhole } from "./whole.ts";

/** An upload's id is one that we gave out; nothing else is looked up. */
const uploadId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function postUpload(context: DistributionContext, call: Call): Promise<Reply> {
  const query = queryOf(call.request);
  const digest = parseOptionalDigest(query.get("digest"));
  if (digest !== null && !digest.ok) {
    return failureReply(digest.error, { detail: { digest: query.get("digest") } });
  }
  const algorithm = query.get("digest-algorithm") ?? "sha256";
  // Told now rather than after the last byte.
  if (!isDigestAlgorithm(algorithm)) return failureReply("digest-unsupported");
  const mounted = await mount(context, call, query);
  if (mounted !== null) return blobCreated(call, mounted);
  const upload = await begin(context, call);
  if ("status" in upload) return upload;
  if (digest !== null) return await pushWhole(context, call, { upload, digest: digest.value });
  if (algorithm !== "sha256") await remember(context, upload, algorithm);
  return emptyReply(202, [
    ...progress(call, upload.id, 0),
    "OCI-Chunk-Min-Length",
    String(chunkBytesMin),
  ]);
}

function parseOptionalDigest(text: string | null) {
  return text === null ? null : parseDigest(text);
}

/** The location is created first and named second: a record never names what was never there. */
async function begin(context: DistributionContext, call: Call): Promise<Upload | Reply> {
  const file = await context.blobs.create();
  await file.close();
  const record = {
    id: context.env.random.uuid(),
    repository: call.repository,
    location: file.location,
    startedMs: context.env.clock.now(),
    actor: actorOf(call.identity),
  };
  const created = await createUpload(context.store, record);
  if (created.ok) return created.value;
  const { code } = created.error;
  // Where nobody knows whether a record names the bytes, the sweep decides on them.
  if (code !== "undetermined") await context.blobs.delete(file.location);
  switch (code) {
    case "project-unknown":
      return projectUnknownReply(call.repository);
    case "contended":
    case "undetermined":
      return tryAgainReply("the project is being changed by others, try again");
  }
}

/** The client said which digest it will ask for: that one is hashed on the way. */
async function remember(
  context: DistributionContext,
  upload: Upload,
  algorithm: DigestAlgorithm,
): Promise<void> {
  const session = await context.sessions.enter(upload.id);
  assert(session !== null, "a new upload has no other writer");
  context.sessions.align(session, 0, algorithm);
  context.sessions.leave(session);
}

/** POST with `?digest=`: nobody learns the upload's id, so whatever goes wrong ends it. */
async function pushWhole(
  context: DistributionContext,
  call: Call,
  what: { readonly upload: Upload; readonly digest: Digest },
): Promise<Reply> {
  let reply: Reply | null = null;
  try {
    reply = await withUpload(context, call, what.upload, (target) =>
      finish(context, call, { ...target, digest: what.digest }),
    );
    return await orFound(context, call, { reply, digest: what.digest });
  } finally {
    if (reply?.status !== 201) await tryDiscard(context.env, context, what.upload);
  }
}

export async function patchUpload(context: DistributionContext, call: Call): Promise<Reply> {
  return await onUpload(context, call, async (target) => {
    const refusal = await receive(context, call, { ...target, digest: null });
    if (refusal !== null) return refuse(call, target, refusal);
    // Closed before the answer: a write behind that failed must not be acknowledged.
    await target.file.close();
    return emptyReply(202, progress(call, target.upload.id, target.file.bytes));
  });
}

export async function putUpload(context: DistributionContext, call: Call): Promise<Reply> {
  const text = queryOf(call.request).get("digest");
  if (text === null) return failureReply("digest-invalid", { message: "digest is missing" });
  const digest = parseDigest(text);
  if (!digest.ok) return failureReply(digest.error, { detail: { digest: text } });
  const reply = await onUpload(context, call, (target) =>
    finish(context, call, { ...target, digest: digest.value }),
  );
  return await orFound(context, call, { reply, digest: digest.value });
}

/**
 * The upload is unknown, but the blob is there: its request was sent again after an answer that was
 * lost, or that could not tell, and all is well.
 */
async function orFound(
  context: DistributionContext,
  call: Call,
  { reply, digest }: { readonly reply: Reply; readonly digest: Digest },
): Promise<Reply> {
  if (reply.status !== distributionErrors["upload-unknown"].status) return reply;
  // One that is damaged has to be pushed anew, which heals it.
  const isThere = await isBlobWhole(context, { repository: call.repository, digest });
  return isThere ? blobCreated(call, digest) : reply;
}

export async function getUpload(context: DistributionContext, call: Call): Promise<Reply> {
  const upload = await find(context, call);
  const stat = upload === null ? null : await context.blobs.stat(upload.location);
  if (upload === null || stat === null) return unknownUpload(call.argument);
  return bareReply(204, progress(call, upload.id, stat.bytes));
}

export async function deleteUpload(context: DistributionContext, call: Call): Promise<Reply> {
  const upload = await find(context, call);
  if (upload === null) return unknownUpload(call.argument);
  const session = await context.sessions.enter(upload.id);
  if (session === null) return await refuseSecondWriter(context, call, upload);
  try {
    const discarded = await discardUpload(context, upload);
    if (discarded.ok) {
      context.sessions.dropHash(session);
      session.verified = null;
      return bareReply(204, []);
    }
    return discarded.error.code === "upload-unknown"
      ? unknownUpload(upload.id)
      : tryAgainReply("the upload is being changed by others, try again");
  } finally {
    context.sessions.leave(session);
  }
}

interface Target {
  readonly upload: Upload;
  readonly session: UploadSession;
  readonly file: BlobUpload;
}

async function find(context: DistributionContext, call: Call): Promise<Upload | null> {
  if (!uploadId.test(call.argument)) return null;
  return await reading(context.store, (reader) =>
    findUpload(reader, call.repository, call.argument),
  );
}

async function onUpload(
  context: DistributionContext,
  call: Call,
  work: (target: Target) => Promise<Reply>,
): Promise<Reply> {
  const upload = await find(context, call);
  return upload === null
    ? unknownUpload(call.argument)
    : await withUpload(context, call, upload, work);
}

/** The one writer of an upload at a time; and no more of them at once than the gate lets in. */
async function withUpload(
  context: DistributionContext,
  call: Call,
  upload: Upload,
  work: (target: Target) => Promise<Reply>,
): Promise<Reply> {
  const who = sharerOf(call);
  const entry = context.uploadBodies.enter(who);
  if (entry === "no-share") return tooBusyReply("you have too many uploads at once");
  if (entry === "full") return tooBusyReply("too many uploads at once");
  const session = await context.sessions.enter(upload.id);
  try {
    if (session === null) return await refuseSecondWriter(context, call, upload);
    return await withFile(context, { upload, session }, work);
  } finally {
    context.uploadBodies.leave(who);
    if (session !== null) context.sessions.leave(session);
  }
}

/** Who pushes: the user, by whatever token; a client without a name is told by its address. */
function sharerOf({ identity, request }: Call): string {
  const name = identity.type === "anonymous" ? null : identity.name;
  return name === null ? `address ${clientOf(request.clientAddress)}` : `user ${name}`;
}

async function refuseSecondWriter(
  context: DistributionContext,
  call: Call,
  upload: Upload,
): Promise<Reply> {
  const stored = (await context.blobs.stat(upload.location))?.bytes ?? 0;
  return failureReply("chunk-out-of-order", {
    message: "another request is writing to this upload",
    headers: progress(call, upload.id, stored),
  });
}

async function withFile(
  context: DistributionContext,
  held: Omit<Target, "file">,
  work: (target: Target) => Promise<Reply>,
): Promise<Reply> {
  const { upload, session } = held;
  const file = await context.blobs.open(upload.location);
  if (file === null) return unknownUpload(upload.id);
  try {
    const reply = await work({ upload, session, file });
    await file.close();
    return reply;
  } catch (error) {
    // After a failure of the disk nobody knows what it holds: the client has to begin anew.
    const closed = await closes(file);
    if (!closed || isBlobFailure(error)) await discard(context, held);
    throw error;
  }
}

async function closes(file: BlobUpload): Promise<boolean> {
  try {
    await file.close();
    return true;
  } catch {
    return false;
  }
}

async function discard(
  context: DistributionContext,
  held: { readonly upload: Upload; readonly session: UploadSession },
): Promise<void> {
  context.sessions.dropHash(held.session);
  await tryDiscard(context.env, context, held.upload);
}

/** Takes the body, if it is what it says it is and goes where it belongs; null: all is well. */
async function receive(
  context: DistributionContext,
  call: Call,
  target: Target & { readonly digest: Digest | null },
): Promise<ChunkRefusal | null> {
  const { session, file, digest } = target;
  const { body } = call.request;
  context.sessions.align(session, file.bytes, digest === null ? null : digestAlgorithm(digest));
  if (body.bytes === 0) return null;
  const decision = decideChunk({
    contentRange: headerOf(call.request, "content-range"),
    contentLength: body.bytes,
    stored: file.bytes,
  });
  if (decision.type === "refuse") return decision;
  const { bytesMax, bytesExpected } = decision;
  try {
    const received = await context.intake.receive(body, { file, hash: session.hash, bytesMax });
    return decideReceived(bytesExpected, received);
  } catch (error) {
    if (errorCode(error) === "too-large") return decideTooMuch(bytesExpected);
    throw error;
  }
}

/** Receives what comes with the last request, verifies all of it, and makes it a blob. */
async function finish(
  context: DistributionContext,
  call: Call,
  target: Target & { readonly digest: Digest },
): Promise<Reply> {
  const { session, file, digest } = target;
  const { verified } = session;
  // The same request once more, because the record could not be written: its body is here already.
  const again = verified?.digest === digest && verified.bytes === file.bytes;
  if (!again) {
    const refusal = await receive(context, call, target);
    if (refusal !== null) return refuse(call, target, refusal);
    const computed = await digestOfStored(context, { session, file }, digest);
    if (computed !== digest) {
      await file.close();
      await discard(context, target);
      return failureReply("digest-mismatch", { detail: { expected: digest, computed } });
    }
  }
  const bytes = file.bytes;
  await file.commit();
  session.verified = { digest, bytes };
  return await commit(context, call, { ...target, bytes });
}

/** The one transaction; after it, and not before, there is a blob. */
async function commit(
  context: DistributionContext,
  call: Call,
  target: Target & { readonly digest: Digest; readonly bytes: number },
): Promise<Reply> {
  const { upload, session, digest, bytes } = target;
  const { repository, location, id: uploadId } = upload;
  const nowMs = context.env.clock.now();
  const isStored = (blob: FoundBlob) => isWhole(context, blob);
  const record = { repository, digest, location, bytes, uploadId, isStored, nowMs };
  const committed = await commitBlob(context.store, record);
  if (committed.ok) {
    session.verified = null;
    const { surplus } = committed.value;
    if (surplus !== null) await context.blobs.delete(surplus);
    return blobCreated(call, digest);
  }
  switch (committed.error.code) {
    case "upload-unknown":
      return unknownUpload(uploadId);
    case "project-unknown":
      await discard(context, target);
      return projectUnknownReply(repository);
    case "contended":
    case "undetermined":
      return tryAgainReply("the blob is being changed by others, try again");
  }
}

function refuse(call: Call, target: Target, refusal: ChunkRefusal): Reply {
  const headers = progress(call, target.upload.id, target.file.bytes);
  return failureReply(refusal.error, { message: refusal.message, headers });
}

function unknownUpload(id: string): Reply {
  return failureReply("upload-unknown", { detail: { upload: id } });
}

/** Where to go on, and behind what. */
function progress(call: Call, id: string, stored: number): string[] {
  const { origin } = call.request;
  return [
    "Location",
    uploadUrl(origin, call.repository, id),
    "Range",
    formatUploadRange(stored),
    "Docker-Upload-UUID",
    id,
  ];
}

function blobCreated(call: Call, digest: Digest): Reply {
  return emptyReply(201, [
    "Location",
    blobUrl(call.request.origin, call.repository, digest),
    "Docker-Content-Digest",
    digest,
  ]);
}
