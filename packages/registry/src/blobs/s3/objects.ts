// The few requests of S3 that blobs are made of, each with its name in what it throws. Signatures
// and checksums are the SDK's; what it does on its own is set here, once.
//
// Throttled requests (503 SlowDown), answers 500 and broken connections are tried again, with
// growing, random pauses (retries.ts). So every request here may be done twice: callers are built for that.

import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type Env, IoError } from "@sampan/env";
import { isAbsent, isNotImplemented, s3Error } from "./errors.ts";
import type { StoredPart } from "./note.ts";
import { createRetries, type RetryPauses, retryPauses } from "./retries.ts";

const connectTimeoutMs = 5_000;
/** No byte for so long on a connection, in either direction: given up, and tried again. */
const idleTimeoutMs = 30_000;
/** Of one process. Pulls hold one each for as long as their client takes. */
const connectionsMax = 1_024;
/** S3 gives at most that many names at once. */
const namesPerPageMax = 1_000;

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface S3Place {
  readonly bucket: string;
  readonly region: string;
  /** Null: AWS. */
  readonly endpoint: string | null;
  /** The bucket in the path, not in the host's name: what most services beside AWS want. */
  readonly pathStyle: boolean;
  /** Null: where the SDK looks (environment, files, role of the machine). */
  readonly credentials: S3Credentials | null;
}

export interface ObjectStat {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ObjectContent {
  /** As the answer says it; null: it does not. */
  readonly bytes: number | null;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface PutOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Fails with 412 when there is an object of that key already, where S3 can tell. */
  readonly onlyNew?: boolean;
}

export interface ObjectKeys {
  readonly keys: readonly string[];
  readonly more: boolean;
}

/** Failures are `IoError`, made in errors.ts. */
export class S3Objects {
  readonly #place: S3Place;
  readonly #client: S3Client;
  /** False since the service said that it does not know conditions of a write. */
  #conditions = true;

  constructor(env: Env, place: S3Place, pauses: RetryPauses = retryPauses) {
    this.#place = place;
    this.#client = createClient(env, place, pauses);
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<void> {
    const { metadata, onlyNew = false } = options;
    const what = { ...this.#at(key), Body: bytes, ContentLength: bytes.byteLength };
    const put = { ...what, ...(metadata === undefined ? {} : { Metadata: { ...metadata } }) };
    try {
      const condition = onlyNew && this.#conditions ? { IfNoneMatch: "*" } : {};
      await this.#client.send(new PutObjectCommand({ ...put, ...condition }));
    } catch (error) {
      if (!onlyNew || !this.#conditions || !isNotImplemented(error)) throw s3Error("put", error);
      this.#conditions = false;
      await this.put(key, bytes, options);
    }
  }

  /** The bytes [start, end), or all of them; fails with `not-found`. */
  async get(
    key: string,
    range: { readonly start: number; readonly end: number } | null,
  ): Promise<ObjectContent> {
    return await explained("get", async () => {
      const part = range === null ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
      const got = await this.#client.send(new GetObjectCommand({ ...this.#at(key), ...part }));
      if (!isByteStream(got.Body)) throw new IoError("io", "get: S3 gave no body");
      return { bytes: got.ContentLength ?? null, body: got.Body };
    });
  }

  /** A small object at once, or null. */
  async read(key: string): Promise<Buffer | null> {
    try {
      const got = await this.#client.send(new GetObjectCommand(this.#at(key)));
      return Buffer.from((await got.Body?.transformToByteArray()) ?? []);
    } catch (error) {
      if (isAbsent(error)) return null;
      throw s3Error("read", error);
    }
  }

  async head(key: string): Promise<ObjectStat | null> {
    try {
      const got = await this.#client.send(new HeadObjectCommand(this.#at(key)));
      const modifiedMs = got.LastModified?.getTime() ?? 0;
      return { bytes: got.ContentLength ?? 0, modifiedMs, metadata: got.Metadata ?? {} };
    } catch (error) {
      if (isAbsent(error)) return null;
      throw s3Error("head", error);
    }
  }

  /** Idempotent. */
  async delete(key: string): Promise<void> {
    await absentAsDone("delete", async () => {
      await this.#client.send(new DeleteObjectCommand(this.#at(key)));
    });
  }

  /** Keys that begin with `prefix`, behind `after`, in rising order of their UTF-8 bytes. */
  async list(prefix: string, after: string | null, limit: number): Promise<ObjectKeys> {
    return await explained("list", async () => {
      const got = await this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#place.bucket,
          Prefix: prefix,
          MaxKeys: Math.min(limit, namesPerPageMax),
          ...(after === null ? {} : { StartAfter: after }),
        }),
      );
      const keys = (got.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      return { keys, more: got.IsTruncated === true };
    });
  }

  /** The name of a new multipart upload. A retry leaves two of them: see `multiparts`. */
  async startMultipart(key: string): Promise<string> {
    return await explained("start multipart", async () => {
      const got = await this.#client.send(new CreateMultipartUploadCommand(this.#at(key)));
      if (got.UploadId === undefined) throw new IoError("io", "S3 gave the upload no name");
      return got.UploadId;
    });
  }

  /** The part's ETag. A part of the same number is replaced. */
  async putPart(
    key: string,
    part: { readonly uploadId: string; readonly number: number; readonly bytes: Uint8Array },
  ): Promise<string> {
    return await explained(`put part ${part.number}`, async () => {
      const got = await this.#client.send(
        new UploadPartCommand({
          ...this.#at(key),
          UploadId: part.uploadId,
          PartNumber: part.number,
          Body: part.bytes,
          ContentLength: part.bytes.byteLength,
        }),
      );
      if (got.ETag === undefined) throw new IoError("io", "S3 gave a part no ETag");
      return got.ETag;
    });
  }

  async complete(
    key: string,
    uploadId: string,
    parts: readonly Pick<StoredPart, "etag">[],
  ): Promise<void> {
    await explained("complete multipart", async () => {
      await this.#client.send(
        new CompleteMultipartUploadCommand({
          ...this.#at(key),
          UploadId: uploadId,
          MultipartUpload: {
            Parts: parts.map(({ etag }, index) => ({ PartNumber: index + 1, ETag: etag })),
          },
        }),
      );
    });
  }

  /** Idempotent. */
  async abort(key: string, uploadId: string): Promise<void> {
    await absentAsDone("abort multipart", async () => {
      const what = { ...this.#at(key), UploadId: uploadId };
      await this.#client.send(new AbortMultipartUploadCommand(what));
    });
  }

  /** The multipart uploads of this key that are neither complete nor aborted. */
  async multiparts(key: string): Promise<string[]> {
    return await explained("list multiparts", async () => {
      const what = { Bucket: this.#place.bucket, Prefix: key };
      const got = await this.#client.send(new ListMultipartUploadsCommand(what));
      return (got.Uploads ?? [])
        .filter((upload) => upload.Key === key)
        .flatMap(({ UploadId }) => (UploadId === undefined ? [] : [UploadId]));
    });
  }

  /** A URL under which anyone may get the object for so long. */
  async signedUrl(key: string, seconds: number): Promise<string> {
    return await explained("sign", () =>
      getSignedUrl(this.#client, new GetObjectCommand(this.#at(key)), { expiresIn: seconds }),
    );
  }

  close(): void {
    this.#client.destroy();
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#place.bucket, Key: key };
  }
}

function createClient(env: Env, place: S3Place, pauses: RetryPauses): S3Client {
  const { region, endpoint, pathStyle, credentials } = place;
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle,
    retryStrategy: createRetries(env.random, pauses),
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials === null ? {} : { credentials: { ...credentials } }),
    // What is sent carries a checksum. What is read is checked by whoever asked for the digest.
    requestChecksumCalculation: "WHEN_SUPPORTED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: idleTimeoutMs,
      socketTimeout: idleTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: connectionsMax },
      httpsAgent: { keepAlive: true, maxSockets: connectionsMax },
    },
    logger: silent,
  });
  // Under TLS nobody changes bytes on the way, and the checksum guards them: a second hash of every
  // part, for the signature, would be most of a push's cost.
  if (endpoint === null || endpoint.startsWith("https:")) {
    client.middlewareStack.add(
      (next) => (args) => {
        const { request } = args;
        if (isRequest(request) && request.method === "PUT") {
          request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
        }
        return next(args);
      },
      { step: "build", name: "unsignedPayload" },
    );
  }
  return client;
}

/** Failures are told by what is thrown. */
const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

interface OutgoingRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
}

function isRequest(value: unknown): value is OutgoingRequest {
  return typeof value === "object" && value !== null && "method" in value && "headers" in value;
}

function isByteStream(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

async function explained<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw s3Error(what, error);
  }
}

async function absentAsDone(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isAbsent(error)) throw s3Error(what, error);
  }
}
