// Opens blobs in S3 with a look at what the configuration cannot know: whether the bucket is there
// and may be read and written, and whether the blobs in it are this registry's. A bucket (with
// prefix) has one owner: two would sweep each other's blobs away.
//
//   <prefix>sampan.json   {"format":"sampan-blobs","version":1,"owner":"…"}

import { type Env, err, IoError, ok, type Result } from "@sampan/env";
import type { BlobStore } from "../blobs.ts";
import { readS3Failure, type S3Failure } from "./errors.ts";
import { S3Objects, type S3Place } from "./objects.ts";
import type { RetryPauses } from "./retries.ts";
import { createS3Blobs, type S3BlobsOptions } from "./s3.ts";

const format = "sampan-blobs";
const formatVersion = 1;

export interface OpenS3Options extends S3BlobsOptions {
  readonly place: S3Place;
  /** A text that no other installation has. */
  readonly owner: string;
  /** Between tries of a request; not given: those that suit AWS. */
  readonly pauses?: RetryPauses;
}

export interface S3Blobs {
  readonly blobs: BlobStore;
  close(): void;
}

/** The error is one line for the operator: what is wrong, and the next step. */
export async function openS3Blobs(
  env: Env,
  options: OpenS3Options,
): Promise<Result<S3Blobs, string>> {
  const objects = new S3Objects(env, options.place, options.pauses);
  const refused = await claim(objects, options);
  if (refused !== null) {
    objects.close();
    return err(refused);
  }
  const blobs = createS3Blobs(env, { objects }, options);
  return ok({ blobs, close: () => objects.close() });
}

/** Null: it is ours. Writes the marker at every start, which shows that we may write. */
async function claim(objects: S3Objects, options: OpenS3Options): Promise<string | null> {
  const { place, prefix, owner } = options;
  const where = `s3://${place.bucket}/${prefix}`;
  const key = `${prefix}sampan.json`;
  try {
    const found = await objects.read(key);
    const refused = found === null ? null : judge(found.toString(), { where, owner });
    if (refused !== null) return refused;
    const marker = { format, version: formatVersion, owner };
    await objects.put(key, Buffer.from(`${JSON.stringify(marker)}\n`));
    // What a key may not do would show only at the first sweep, hours from now.
    await objects.list(`${prefix}blobs/`, null, 1);
    await objects.multiparts(key);
    await objects.delete(`${key}.probe`);
    return null;
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    return `${where}: ${explain(readS3Failure(error.cause ?? error), place)}`;
  }
}

function judge(
  text: string,
  us: { readonly where: string; readonly owner: string },
): string | null {
  const other = `${us.where}sampan.json is not Sampan's; choose another prefix`;
  let marker: unknown;
  try {
    marker = JSON.parse(text);
  } catch {
    return other;
  }
  if (typeof marker !== "object" || marker === null) return other;
  if (!("format" in marker) || marker.format !== format || !("version" in marker)) return other;
  if (marker.version !== formatVersion) {
    const found = JSON.stringify(marker.version);
    return `${us.where} has format ${found}, this sampan knows ${formatVersion}; start the newer version`;
  }
  if ("owner" in marker && marker.owner === us.owner) return null;
  return (
    `${us.where} holds the blobs of another data directory; choose another prefix, or start with ` +
    "the data directory that they belong to"
  );
}

/** S3's names of errors, and what to do about each. */
const steps: Readonly<Record<string, string>> = {
  NoSuchBucket: "there is no such bucket; make it first, or correct blobs",
  InvalidAccessKeyId: "the service does not know the access key; correct s3AccessKey",
  SignatureDoesNotMatch: "the secret is not that of the access key; correct s3SecretKey",
  AccessDenied:
    "the access key may not do all it must: get, put, list and delete objects, list and abort " +
    "multipart uploads",
  CredentialsProviderError:
    "no credentials were found; set SAMPAN_S3_ACCESS_KEY and SAMPAN_S3_SECRET_KEY, or AWS_PROFILE",
  PermanentRedirect: "the bucket lies in another region; set s3Region",
  AuthorizationHeaderMalformed: "the bucket lies in another region; set s3Region",
  RequestTimeTooSkewed: "the clocks of this machine and of the service differ; set this one",
  ENOTFOUND: "the host has no address; correct s3Endpoint, or set s3PathStyle",
  ECONNREFUSED: "nothing answers there; start the service, or correct s3Endpoint",
};

function explain(failure: S3Failure, { endpoint, region }: S3Place): string {
  const service = endpoint ?? `AWS in ${region}`;
  const status = failure.status === null ? "" : `${failure.status} `;
  const step = steps[failure.name];
  if (step !== undefined) return `${step} (${service}: ${status}${failure.name})`;
  const said = failure.message === "" ? failure.name : `${failure.name}: ${failure.message}`;
  return `${service}: ${status}${said}; look at the settings blobs and s3…`;
}
