// Blob bytes as files: <directory>/<2 hex>/<uuid>. No renames: a file is complete when a record in
// the store names it. What a power failure leaves of a committed blob is decided by `commit`, which
// syncs the file's bytes, then the directory that holds its name, then (once per directory and
// process, for an earlier process may have died between mkdir and sync) the directories above.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Env, errorCode } from "@sampan/env";
import type { BlobBody, BlobLocation, BlobStat, BlobStore, BlobUpload } from "./blobs.ts";
import { absentAsNull, explained } from "./file-errors.ts";
import { FileRemoval } from "./file-removal.ts";
import { FileUpload } from "./file-upload.ts";
import { blobShard, checkBlobLocation, newBlobLocation, parseBlobLocation } from "./location.ts";

const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
const directFlags = constants.O_WRONLY | constants.O_DIRECT;

export interface FilesystemBlobsOptions {
  /** Made when the first blob comes, if it is missing; the directory above it must be there. */
  readonly directory: string;
  /**
   * Of every blob so many bytes, its first, stay in the system's page cache when it is pushed; what
   * comes behind them goes past the cache to the disk (`O_DIRECT`) where the filesystem can do that.
   */
  readonly pageCacheBytes: number;
}

export function createFilesystemBlobs(env: Env, options: FilesystemBlobsOptions): BlobStore {
  const { directory, pageCacheBytes } = options;
  const durableShards = new Set<string>();
  const writeBacks = { running: 0 };
  const directWrites = { running: 0 };
  const removal = new FileRemoval(env);

  /** Only locations of the right shape become paths; all others are a damaged record. */
  function pathOf(location: BlobLocation): string {
    return join(directory, checkBlobLocation(location));
  }

  async function syncNames(location: BlobLocation): Promise<void> {
    const shard = blobShard(location);
    await syncDirectory(join(directory, shard));
    if (durableShards.has(shard)) return;
    await syncDirectory(directory);
    if (durableShards.size === 0) await syncDirectory(dirname(directory));
    durableShards.add(shard);
  }

  function upload(location: BlobLocation, file: FileHandle, bytes: number): BlobUpload {
    const path = pathOf(location);
    return new FileUpload({
      location,
      file,
      openDirect: () => open(path, directFlags),
      bytes,
      pageCacheBytes,
      writeBacks,
      directWrites,
      syncNames,
    });
  }

  return {
    async create(): Promise<BlobUpload> {
      const location = newBlobLocation(env.random);
      const path = pathOf(location);
      return await explained(`create blob ${location}`, async () => {
        const file = await openNew(path, directory);
        return upload(location, file, 0);
      });
    },

    async open(location: BlobLocation): Promise<BlobUpload | null> {
      const path = pathOf(location);
      return await explained(`open blob ${location}`, async () => {
        const file = await absentAsNull(open(path, constants.O_WRONLY));
        if (file === null) return null;
        const { size } = await file.stat();
        return upload(location, file, size);
      });
    },

    async stat(location: BlobLocation): Promise<BlobStat | null> {
      const path = pathOf(location);
      return await explained(`stat blob ${location}`, async () => {
        const found = await absentAsNull(stat(path));
        return found === null ? null : { bytes: found.size, modifiedMs: found.mtimeMs };
      });
    },

    body(
      location: BlobLocation,
      range: { readonly start: number; readonly end: number },
    ): BlobBody {
      return { type: "file", path: pathOf(location), start: range.start, end: range.end };
    },

    async delete(location: BlobLocation): Promise<void> {
      const path = pathOf(location);
      await explained(`delete blob ${location}`, () => absentAsNull(unlink(path)));
    },

    async deleteAll(locations: readonly BlobLocation[]): Promise<void> {
      await removeAll(removal, directory, locations);
    },

    async list(after: BlobLocation | null, limit: number): Promise<BlobLocation[]> {
      return await explained("list blobs", () => listFiles(directory, after, limit));
    },
  };
}

/** Makes the directories on the way only when they turn out to be missing. */
async function openNew(path: string, directory: string): Promise<FileHandle> {
  const file = await absentAsNull(open(path, writeFlags, 0o640));
  if (file !== null) return file;
  await makeDirectory(directory);
  await makeDirectory(dirname(path));
  return await open(path, writeFlags, 0o640);
}

/** Damaged records' locations keep no other from being deleted. */
async function removeAll(
  removal: FileRemoval,
  directory: string,
  locations: readonly BlobLocation[],
): Promise<void> {
  const damaged = locations.filter((location) => parseBlobLocation(location) === null);
  const sound = locations.filter((location) => !damaged.includes(location));
  const paths = sound.map((location) => join(directory, location));
  await explained(`delete ${paths.length} blobs`, () => removal.remove(paths));
  damaged.forEach(checkBlobLocation);
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function listFiles(
  directory: string,
  after: BlobLocation | null,
  limit: number,
): Promise<BlobLocation[]> {
  const found: BlobLocation[] = [];
  const first = after === null ? 0 : Number.parseInt(blobShard(after), 16);
  for (let shard = first; shard < 256 && found.length < limit; shard += 1) {
    const name = shard.toString(16).padStart(2, "0");
    const entries = (await absentAsNull(readdir(join(directory, name)))) ?? [];
    const locations = entries
      .map((entry) => parseBlobLocation(`${name}/${entry}`))
      .filter((location) => location !== null)
      .filter((location) => after === null || location > after)
      .sort();
    found.push(...locations.slice(0, limit - found.length));
  }
  return found;
}
