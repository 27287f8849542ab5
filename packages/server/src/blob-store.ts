// Where the blobs of this data directory lie: in it, or in S3. A data directory remembers its
// bucket, and the bucket its data directory, for each is lost without the other: blobs that no
// record names are swept, and records whose blobs are elsewhere are damaged images.
//
//   DIR/BLOBS   {"place":"s3://…","owner":"…","claimed":true}; missing: the blobs are in DIR/blobs
//
// Written before the bucket is claimed and once more after that: a crash in between, or a bucket
// that turned out to be the wrong one, leaves a note that may still be changed.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Env, err, errorCode, errorMessage, IoError, ok, type Result } from "@sampan/env";
import type { BlobStore } from "@sampan/registry/blobs";
import { createFilesystemBlobs } from "@sampan/registry/blobs/filesystem";
import { type BucketPlace, type Config, formatBucketPlace } from "./config/config.ts";
import type { DataDirectory } from "./data-directory/data-directory.ts";
import { writeFileDurably } from "./data-directory/durable-file.ts";

export interface OpenBlobs {
  readonly blobs: BlobStore;
  close(): void;
}

export interface BlobStoreOptions {
  readonly directory: DataDirectory;
  readonly config: Config;
}

/** The error is one line for the operator. */
export async function openBlobStore(
  env: Env,
  options: BlobStoreOptions,
): Promise<Result<OpenBlobs, string>> {
  const { directory, config } = options;
  try {
    const remembered = await readRemembered(directory);
    if (config.blobs !== null)
      return await openS3(env, { ...options, place: config.blobs, remembered });
    if (remembered?.claimed === true) {
      return err(
        `the blobs of ${directory.path} lie in ${remembered.place}; ` +
          `start with --blobs ${remembered.place}, or choose another directory with --data`,
      );
    }
    const pageCacheBytes = config.blobPageCache;
    const blobs = createFilesystemBlobs(env, { directory: directory.blobs, pageCacheBytes });
    return ok({ blobs, close: () => undefined });
  } catch (error) {
    return err(`${join(directory.path, "BLOBS")}: ${errorMessage(error)}`);
  }
}

interface S3Start extends BlobStoreOptions {
  readonly place: BucketPlace;
  readonly remembered: Remembered | null;
}

async function openS3(env: Env, start: S3Start): Promise<Result<OpenBlobs, string>> {
  const { directory, config, remembered } = start;
  const place = formatBucketPlace(start.place);
  if (remembered?.claimed === true && remembered.place !== place) {
    return err(
      `the blobs of ${directory.path} lie in ${remembered.place}, not in ${place}; correct ` +
        "--blobs, or choose another directory with --data",
    );
  }
  if (remembered?.claimed !== true && !(await isEmpty(directory.blobs))) {
    return err(
      `${directory.blobs} holds blobs, and blobs do not move to ${place}; start without --blobs, ` +
        "or choose another directory with --data",
    );
  }
  const owner = remembered?.owner ?? env.random.uuid();
  if (remembered?.claimed !== true) await remember(directory, { place, owner, claimed: false });
  const { openS3Blobs } = await loadS3();
  const opened = await openS3Blobs(env, {
    place: {
      bucket: start.place.bucket,
      region: config.s3Region,
      endpoint: config.s3Endpoint,
      pathStyle: config.s3PathStyle ?? config.s3Endpoint !== null,
      credentials: credentialsOf(config),
    },
    prefix: start.place.prefix,
    redirectSeconds: config.s3Redirect === null ? null : Math.floor(config.s3Redirect / 1000),
    owner,
  });
  if (!opened.ok) return opened;
  if (remembered?.claimed !== true) await remember(directory, { place, owner, claimed: true });
  env.log.info("blobs lie in S3", { place });
  return opened;
}

/**
 * Loaded here alone: it costs memory and time that a server on the filesystem need not pay. The
 * SDK's reminder that its future versions want a newer Node is for us, not for our users' logs.
 */
async function loadS3(): Promise<typeof import("@sampan/registry/blobs/s3")> {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return await import("@sampan/registry/blobs/s3");
}

function credentialsOf({ s3AccessKey, s3SecretKey }: Config) {
  if (s3AccessKey === null || s3SecretKey === null) return null;
  return { accessKeyId: s3AccessKey, secretAccessKey: s3SecretKey };
}

interface Remembered {
  readonly place: string;
  readonly owner: string;
  readonly claimed: boolean;
}

async function readRemembered(directory: DataDirectory): Promise<Remembered | null> {
  let text: string;
  try {
    text = await readFile(join(directory.path, "BLOBS"), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (!isRemembered(value)) throw new IoError("corrupt", "it is damaged; restore it from a backup");
  return value;
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== "object" || value === null) return false;
  if (!("place" in value && "owner" in value && "claimed" in value)) return false;
  const { place, owner, claimed } = value;
  return typeof place === "string" && typeof owner === "string" && typeof claimed === "boolean";
}

async function remember(directory: DataDirectory, what: Remembered): Promise<void> {
  await writeFileDurably(join(directory.path, "BLOBS"), `${JSON.stringify(what)}\n`);
}

async function isEmpty(path: string): Promise<boolean> {
  return (await readdir(path)).length === 0;
}
