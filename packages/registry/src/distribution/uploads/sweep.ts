// Keeps what pushes leave behind from growing for ever: uploads that nobody went on with, and bytes
// that no record names (left by a crash between two steps). Page by page, with nothing held;
// deleting twice is no harm, so any number of processes may sweep.

import { type Env, errorMessage } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { BlobLocation, BlobStore } from "../../blobs/blobs.ts";
import { isAbandoned } from "../../core/upload.ts";
import { findLocations, listUploadsOlder, type Upload, type UploadPage } from "../../meta/index.ts";
import { reading } from "../reading.ts";
import type { UploadSessions } from "./sessions.ts";
import { tryDiscard } from "./upload-files.ts";

export interface SweepOptions {
  /** An upload that received nothing for so many milliseconds is thrown away. */
  readonly uploadExpiryMs: number;
}

export interface Sweep {
  /** Until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** One pass over what is due. */
  pass(signal: AbortSignal): Promise<void>;
}

/** Between two passes over uploads; also how long a failure waits. */
const intervalMs = 10 * 60_000;
/**
 * Bytes must have been without a name for so long of this process's life. Counted by the monotonic
 * clock: a wall clock that jumps must not make a location that is about to be named look old.
 */
export const unnamedGraceMs = 60 * 60_000;
/** A pass over all bytes reads every directory and asks the store for every location. */
const bytesIntervalMs = 30 * 60_000;
const uploadsPage = 256;
const locationsPage = 2_048;
/** Unnamed locations that are watched; beyond, they wait for a later pass. */
const watchedMax = 100_000;

export interface SweepDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly sessions: UploadSessions;
}

export function createSweep(env: Env, deps: SweepDeps, options: SweepOptions): Sweep {
  /** Location → monotonic milliseconds at which it was first seen without a name. */
  const unnamed = new Map<BlobLocation, number>();
  let bytesDueMs = Number.NEGATIVE_INFINITY;

  async function pass(signal: AbortSignal): Promise<void> {
    deps.sessions.dropIdle();
    await sweepUploads(env, deps, { options, signal });
    const nowMs = env.clock.monotonic();
    if (nowMs < bytesDueMs) return;
    bytesDueMs = nowMs + bytesIntervalMs;
    await sweepBytes(env, deps, { unnamed, signal });
  }

  return {
    pass,
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        try {
          await pass(signal);
        } catch (error) {
          env.log.warn("the sweep of uploads failed and will go on later", {
            error: errorMessage(error),
          });
        }
        await env.clock.sleep(intervalMs, signal).catch(() => undefined);
      }
    },
  };
}

async function sweepUploads(
  env: Env,
  deps: SweepDeps,
  { options, signal }: { readonly options: SweepOptions; readonly signal: AbortSignal },
): Promise<void> {
  const nowMs = env.clock.now();
  const beforeMs = nowMs - options.uploadExpiryMs;
  let after: string | null = null;
  while (!signal.aborted) {
    const from: string | null = after;
    const page: UploadPage = await reading(deps.store, (reader) =>
      listUploadsOlder(reader, { beforeMs, after: from, limit: uploadsPage }),
    );
    for (const upload of page.uploads) {
      if (await isLeft(deps, upload, { nowMs, expiryMs: options.uploadExpiryMs })) {
        const { repository } = upload;
        const gone = await tryDiscard(env, deps, upload);
        if (gone) env.log.info("an abandoned upload was thrown away", { repository });
      }
    }
    after = page.next;
    if (after === null) return;
  }
}

async function isLeft(
  deps: SweepDeps,
  upload: Upload,
  time: { readonly nowMs: number; readonly expiryMs: number },
): Promise<boolean> {
  const stat = await deps.blobs.stat(upload.location);
  const age = { startedMs: upload.startedMs, modifiedMs: stat?.modifiedMs ?? null };
  return isAbandoned(age, time.nowMs, time.expiryMs);
}

interface Watch {
  readonly unnamed: Map<BlobLocation, number>;
  readonly signal: AbortSignal;
}

async function sweepBytes(env: Env, deps: SweepDeps, { unnamed, signal }: Watch): Promise<void> {
  const nowMs = env.clock.monotonic();
  const seen = new Set<BlobLocation>();
  let after: BlobLocation | null = null;
  while (!signal.aborted) {
    const page: BlobLocation[] = await deps.blobs.list(after, locationsPage);
    const owners = await reading(deps.store, (reader) => findLocations(reader, page));
    for (const [index, location] of page.entries()) {
      if (owners[index] !== null || seen.size >= watchedMax) continue;
      const sinceMs = unnamed.get(location) ?? nowMs;
      if (nowMs - sinceMs >= unnamedGraceMs) {
        await deps.blobs.delete(location);
        env.log.info("bytes that no record names were deleted", { location });
        continue;
      }
      unnamed.set(location, sinceMs);
      seen.add(location);
    }
    after = page.at(-1) ?? null;
    if (after === null) break;
  }
  if (signal.aborted) return;
  for (const location of unnamed.keys()) if (!seen.has(location)) unnamed.delete(location);
}
