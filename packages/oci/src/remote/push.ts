// A blob into a repository by the cheapest way that the registry offers: mounted, in one request, or
// as a stream that goes on after faults.

import type { Env, Result } from "@sampan/env";
import { ok } from "@sampan/env";
import type { RepositoryName } from "../model/index.ts";
import type { RemoteFailure } from "./failure.ts";
import type { RepositoryPlace } from "./place.ts";
import { backoffMs, isTransferFault } from "./retries.ts";
import type { Push, Upload } from "./uploads.ts";
import {
  cancelUpload,
  finishUpload,
  mountBlob,
  putBlob,
  sendChunks,
  startUpload,
} from "./uploads.ts";

export interface PushOptions {
  /** A repository of the same registry that may hold the blob: then no byte moves. */
  readonly mountFrom?: RepositoryName;
  readonly signal?: AbortSignal;
}

export type PushOutcome = "mounted" | "pushed";

/** Up to this size a second request costs more than sending everything again after a fault. */
const oneRequestBytesMax = 4 * 1024 * 1024;
/** Faults of the network, one after another without progress. */
const faultsMax = 5;
/** Whoever gives up does not wait long to say so. */
const cancelMs = 3_000;

export async function pushBlob(
  env: Env,
  place: RepositoryPlace,
  push: Push & PushOptions,
): Promise<Result<PushOutcome, RemoteFailure>> {
  const opened = await open(place, push);
  if (!opened.ok) return opened;
  const upload = opened.value;
  if (upload === null) return ok("mounted");
  try {
    const sent = await send(env, place, { ...push, upload });
    if (sent.ok) return ok("pushed");
    await abandon(env, place, upload);
    return sent;
  } catch (error) {
    await abandon(env, place, upload);
    throw error;
  }
}

/** null: mounted. */
async function open(
  place: RepositoryPlace,
  { digest, mountFrom, signal }: Push & PushOptions,
): Promise<Result<Upload | null, RemoteFailure>> {
  if (mountFrom !== undefined) {
    const mounted = await mountBlob(place, { digest, from: mountFrom, signal });
    if (mounted.ok) return mounted;
    // Without the right to pull there, or where nothing is mounted at all, the bytes have to move.
    if (!["denied", "unauthorized", "not-found", "refused"].includes(mounted.error.code)) {
      return mounted;
    }
  }
  return await startUpload(place, signal);
}

async function send(
  env: Env,
  place: RepositoryPlace,
  push: Push & { readonly upload: Upload },
): Promise<Result<null, RemoteFailure>> {
  const { source, upload } = push;
  if (source.bytes <= oneRequestBytesMax) return await sendWhole(env, place, push);
  const chunkBytes = source.bytes;
  const sent = await sendChunks(env, place, { ...push, chunkBytes, faultsMax });
  if (sent.ok || ![404, 405].includes(sent.error.status)) return sent;
  // A registry without PATCH: its upload is still empty, or a new one is.
  await abandon(env, place, upload);
  return await repeatedly(env, push, () => putBlob(place, push));
}

async function sendWhole(
  env: Env,
  place: RepositoryPlace,
  push: Push & { readonly upload: Upload },
): Promise<Result<null, RemoteFailure>> {
  const { source, digest, signal } = push;
  const body = { bytes: source.bytes, open: () => source.read(0, source.bytes) };
  let first = true;
  return await repeatedly(env, push, () => {
    if (!first) return putBlob(place, push);
    first = false;
    return finishUpload(place, { digest, location: push.upload.location, body, signal });
  });
}

/** Again from the start after a fault of the network. */
async function repeatedly(
  env: Env,
  { signal }: Push,
  run: () => Promise<Result<null, RemoteFailure>>,
): Promise<Result<null, RemoteFailure>> {
  for (let faults = 0; ; faults++) {
    try {
      return await run();
    } catch (error) {
      if (faults >= faultsMax || !isTransferFault(error)) throw error;
      await env.clock.sleep(backoffMs(faults, env.random.fraction()), signal);
    }
  }
}

// The upload's own signal may be what ended it, so this has a time limit instead.
async function abandon(env: Env, place: RepositoryPlace, upload: Upload): Promise<void> {
  const limit = new AbortController();
  const timer = env.clock.timer(cancelMs, () => limit.abort());
  try {
    await cancelUpload(place, upload, limit.signal);
  } catch (error) {
    env.log.debug("an upload is left to expire", { registry: place.registry.host, error });
  } finally {
    timer.cancel();
  }
}
