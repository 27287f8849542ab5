// Blob bytes in S3: <prefix>blobs/<2 hex>/<uuid> is a blob, the same with `.upload` behind it the
// note of an upload that is not complete (note.ts; upload.ts has the crash story). A location is
// chosen at random and written once, so that no cache and no late retry can show other bytes there.

import { type Env, errorMessage, IoError } from "@sampan/env";
import type { BlobBody, BlobLocation, BlobStat, BlobStore, BlobUpload } from "../blobs.ts";
import { checkBlobLocation, newBlobLocation, parseBlobLocation } from "../location.ts";
import { parseNote } from "./note.ts";
import type { ObjectStat, S3Objects } from "./objects.ts";
import { PartMemory } from "./part-buffer.ts";
import { openObject } from "./reading.ts";
import { Slots } from "./slots.ts";
import { S3Upload, type StoredUpload, uploadedBytesField } from "./upload.ts";

/**
 * Parts of all uploads on their way at once. With the one part that each open upload gathers (5 MiB
 * for layers up to 5 GB), that is the memory of pushes.
 */
const partsOnTheWayMax = 16;
/** Behind the key of the blob; sorts behind it and before every other. */
const noteEnding = ".upload";
/** Sorts behind the ending of a note. */
const behindNote = "/";
/** Of many blobs. */
const deletionsAtOnce = 16;
const namesPerPage = 1_000;

export interface S3BlobsOptions {
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** Pulls are sent to S3 itself, by URLs that are good for so long; null: they never are. */
  readonly redirectSeconds: number | null;
}

/** Constructs without a request; `openS3Blobs` in open.ts also looks whether it will work. */
export function createS3Blobs(
  env: Env,
  deps: { readonly objects: S3Objects },
  options: S3BlobsOptions,
): BlobStore {
  return new S3BlobStore(env, deps.objects, options);
}

class S3BlobStore implements BlobStore {
  readonly #env: Env;
  readonly #objects: S3Objects;
  readonly #root: string;
  readonly #redirectSeconds: number | null;
  readonly #slots = new Slots(partsOnTheWayMax);
  readonly #memory = new PartMemory();
  /** Of this process: what they hold is in no note yet. */
  readonly #uploads = new Map<BlobLocation, S3Upload>();

  constructor(env: Env, objects: S3Objects, { prefix, redirectSeconds }: S3BlobsOptions) {
    this.#env = env;
    this.#objects = objects;
    this.#root = `${prefix}blobs/`;
    this.#redirectSeconds = redirectSeconds;
  }

  async create(): Promise<BlobUpload> {
    return this.#upload(newBlobLocation(this.#env.random), { type: "nothing" });
  }

  async open(location: BlobLocation): Promise<BlobUpload | null> {
    const keys = this.#keysOf(location);
    return await about("open", location, async () => {
      // In this order: whoever completes the upload meanwhile deletes the note behind the object.
      const note = await this.#objects.read(keys.note);
      const complete = await this.#objects.head(keys.object);
      if (complete !== null) {
        const { bytes } = complete;
        return this.#upload(location, { type: "complete", bytes, hasNote: note !== null });
      }
      if (note === null) return null;
      return this.#upload(location, { type: "note", note: parseNote(note) });
    });
  }

  async stat(location: BlobLocation): Promise<BlobStat | null> {
    const keys = this.#keysOf(location);
    const opened = this.#uploads.get(location);
    if (opened !== undefined) return { bytes: opened.bytes, modifiedMs: opened.modifiedMs };
    const found = await about("stat", location, async () => {
      const complete = await this.#objects.head(keys.object);
      if (complete !== null) return complete;
      const note = await this.#objects.head(keys.note);
      // Neither: it may have been completed between the two questions.
      return note === null ? await this.#objects.head(keys.object) : statOfNote(note);
    });
    return found === null ? null : { bytes: found.bytes, modifiedMs: found.modifiedMs };
  }

  body(location: BlobLocation, range: { readonly start: number; readonly end: number }): BlobBody {
    const key = this.#keysOf(location).object;
    const { start, end } = range;
    const body = {
      type: "stream",
      bytes: end - start,
      open: async (): Promise<AsyncIterable<Uint8Array>> => {
        // Parts of a multipart upload cannot be read. Whoever hashes what he has stored so far is
        // at its end, and makes it one object now instead of a moment later.
        await this.#uploads.get(location)?.complete();
        return await about("read", location, () =>
          openObject(this.#env, this.#objects, { key, start, end }),
        );
      },
    } as const;
    const seconds = this.#redirectSeconds;
    if (seconds === null) return body;
    return { ...body, signedUrl: () => this.#objects.signedUrl(key, seconds) };
  }

  async delete(location: BlobLocation): Promise<void> {
    const keys = this.#keysOf(location);
    this.#uploads.delete(location);
    await about("delete", location, async () => {
      for (const id of await this.#objects.multiparts(keys.object)) {
        await this.#objects.abort(keys.object, id);
      }
      await this.#objects.delete(keys.object);
      // The last one, so that what a crash leaves still has a name.
      await this.#objects.delete(keys.note);
    });
  }

  async deleteAll(locations: readonly BlobLocation[]): Promise<void> {
    const failures: unknown[] = [];
    const rest = locations.values();
    const lane = async (): Promise<void> => {
      for (const location of rest) {
        if (failures.some(isUnavailable)) return;
        await this.delete(location).catch((error: unknown) => failures.push(error));
      }
    };
    await Promise.all(Array.from({ length: deletionsAtOnce }, lane));
    if (failures.length > 0) throw failures[0];
  }

  async list(after: BlobLocation | null, limit: number): Promise<BlobLocation[]> {
    const range = { root: this.#root, after, limit };
    return await listLocations(this.#env, this.#objects, range);
  }

  /** Only locations of the right shape become keys; all others are a damaged record. */
  #keysOf(location: BlobLocation): { readonly object: string; readonly note: string } {
    const object = this.#root + checkBlobLocation(location);
    return { object, note: object + noteEnding };
  }

  #upload(location: BlobLocation, stored: StoredUpload): BlobUpload {
    const upload = new S3Upload({
      log: this.#env.log,
      location,
      objects: this.#objects,
      keys: this.#keysOf(location),
      stored,
      slots: this.#slots,
      memory: this.#memory,
      now: () => this.#env.clock.now(),
      onClose: () => {
        if (this.#uploads.get(location) === upload) this.#uploads.delete(location);
      },
    });
    this.#uploads.set(location, upload);
    return upload;
  }
}

function statOfNote({ metadata, modifiedMs }: ObjectStat): BlobStat {
  const bytes = Number(metadata[uploadedBytesField] ?? Number.NaN);
  if (Number.isSafeInteger(bytes)) return { bytes, modifiedMs };
  throw new IoError("corrupt", "the note of an upload in S3 does not say its size");
}

interface ListRange {
  readonly root: string;
  readonly after: BlobLocation | null;
  readonly limit: number;
}

async function listLocations(
  env: Env,
  objects: S3Objects,
  { root, after, limit }: ListRange,
): Promise<BlobLocation[]> {
  const found: BlobLocation[] = [];
  let from = after === null ? null : root + checkBlobLocation(after) + behindNote;
  while (found.length < limit) {
    const page = await objects.list(root, from, namesPerPage);
    for (const key of page.keys) {
      const location = locationOf(key.slice(root.length));
      const isNote = location !== null && location === found.at(-1);
      if (isNote) await forgetStaleNote(env, objects, key);
      else if (location !== null) found.push(location);
    }
    from = page.keys.at(-1) ?? null;
    if (!page.more || from === null) break;
  }
  return found.slice(0, limit);
}

/** Of a blob, and of a note; null: somebody else's object. */
function locationOf(name: string): BlobLocation | null {
  const isNote = name.endsWith(noteEnding);
  return parseBlobLocation(isNote ? name.slice(0, -noteEnding.length) : name);
}

/** The blob is complete: its note is what a crash left in the middle of a commit. */
async function forgetStaleNote(env: Env, objects: S3Objects, key: string): Promise<void> {
  try {
    await objects.delete(key);
  } catch (error) {
    env.log.warn("the note of an upload could not be deleted", { key, error: errorMessage(error) });
  }
}

async function about<T>(verb: string, location: BlobLocation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    throw new IoError(error.code, `${verb} blob ${location}: ${error.message}`, error);
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof IoError && error.code === "unavailable";
}
