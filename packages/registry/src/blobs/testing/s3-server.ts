// A server that speaks as much of S3 as blobs need, keeps all in memory, and fails on demand: what
// the tests of S3 run against. It holds parts, ETags, checksums, lengths and access keys to S3's
// rules; of a signature it looks only at the name of the key.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@sampan/env";
import { Bucket, crc32Of, type Refusal } from "./s3-objects.ts";

/** S3's names of the requests. */
export type S3Operation =
  | "PutObject"
  | "GetObject"
  | "HeadObject"
  | "DeleteObject"
  | "ListObjectsV2"
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListMultipartUploads";

export type S3Fault =
  /** Refused, nothing done. */
  | { readonly type: "refuse"; readonly status: number; readonly code: string }
  /** All done, and answered with 500. */
  | { readonly type: "done-but-500" }
  /** All done, and the connection cut instead of an answer. */
  | { readonly type: "done-but-cut" }
  /** Complete only: 200, and an error in the body; nothing is done. */
  | { readonly type: "200-with-error" }
  /** The connection is cut while the request's body comes. */
  | { readonly type: "cut" }
  /** GetObject only: cut behind so many bytes of the announced body. */
  | { readonly type: "cut-body"; readonly bytes: number }
  /** GetObject only: announces and sends so many bytes and no more. */
  | { readonly type: "short-body"; readonly bytes: number }
  /** GetObject only: ignores the range. */
  | { readonly type: "whole-body" }
  | { readonly type: "slow"; readonly ms: number };

export interface S3Request {
  readonly operation: S3Operation;
  readonly key: string;
  /** Of all of this operation, from 1. */
  readonly count: number;
}

export interface TestS3Server {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly bucket: Bucket;
  /** How often each operation was asked for. */
  readonly counts: ReadonlyMap<S3Operation, number>;
  /** Asked before each request; null: it is served as it should be. */
  fault: (request: S3Request) => S3Fault | null;
  close(): Promise<void>;
}

export interface TestS3Options {
  readonly bucket: string;
  readonly accessKeyId: string;
}

export async function startTestS3(clock: Clock, options: TestS3Options): Promise<TestS3Server> {
  const bucket = new Bucket(clock);
  const counts = new Map<S3Operation, number>();
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://s3");
    const [, name = "", ...rest] = url.pathname.split("/");
    const key = decodeURIComponent(rest.join("/"));
    const operation = operationOf(request.method ?? "GET", key, url.searchParams);
    const count = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, count);
    const fault = started.fault({ operation, key, count });
    if (fault?.type === "cut") return void request.once("data", () => request.destroy());
    const body = await readBody(request);
    if (fault?.type === "slow") await clock.sleep(fault.ms);
    const refusal = refuse(request, { url, name, body, fault }, options);
    if (refusal !== null) return sendError(response, refusal);
    const call = { request, url, key, body, fault };
    const answer = answers[operation](bucket, call);
    if (fault?.type === "done-but-cut") return void response.destroy();
    const failed = { status: 500, code: "InternalError" };
    send(response, fault?.type === "done-but-500" ? failed : answer, fault);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const started: TestS3Server = {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    counts,
    fault: () => null,
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return started;
}

interface Call {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly key: string;
  readonly body: Buffer;
  readonly fault: S3Fault | null;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Operation {
  if (key === "") return query.has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
  if (method === "POST") {
    return query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
  }
  if (method === "PUT") return query.has("partNumber") ? "UploadPart" : "PutObject";
  if (method === "DELETE") return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
  return method === "HEAD" ? "HeadObject" : "GetObject";
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

function refuse(
  request: IncomingMessage,
  asked: {
    readonly url: URL;
    readonly name: string;
    readonly body: Buffer;
    readonly fault: S3Fault | null;
  },
  options: TestS3Options,
): Refusal | null {
  const { url, name, body, fault } = asked;
  if (fault?.type === "refuse") return fault;
  const credential =
    /Credential=([^/]+)\//.exec(request.headers.authorization ?? "")?.[1] ??
    url.searchParams.get("X-Amz-Credential")?.split("/")[0];
  if (credential === undefined) return { status: 403, code: "AccessDenied" };
  if (credential !== options.accessKeyId) return { status: 403, code: "InvalidAccessKeyId" };
  if (name !== options.bucket) return { status: 404, code: "NoSuchBucket" };
  const sum = request.headers["x-amz-checksum-crc32"];
  return sum === undefined || sum === crc32Of(body) ? null : { status: 400, code: "BadDigest" };
}

const answers: Record<S3Operation, (bucket: Bucket, call: Call) => Answer | Refusal> = {
  PutObject(bucket, { request, key, body }) {
    if (request.headers["if-none-match"] === "*" && bucket.objects.has(key)) {
      return { status: 412, code: "PreconditionFailed" };
    }
    return empty(200, { etag: bucket.put(key, body, metadataOf(request)).etag });
  },
  GetObject(bucket, { request, key, fault }) {
    const object = bucket.objects.get(key);
    if (object === undefined) return { status: 404, code: "NoSuchKey" };
    const size = object.bytes.byteLength;
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (range === null || fault?.type === "whole-body") {
      return { ...empty(200, { etag: object.etag }), body: object.bytes };
    }
    const [start, last] = [Number(range[1]), Math.min(Number(range[2]), size - 1)];
    if (start >= size) return { status: 416, code: "InvalidRange" };
    const headers = { etag: object.etag, "content-range": `bytes ${start}-${last}/${size}` };
    return { ...empty(206, headers), body: object.bytes.subarray(start, last + 1) };
  },
  HeadObject(bucket, { key }) {
    const object = bucket.objects.get(key);
    if (object === undefined) return empty(404, {});
    const metadata = Object.entries(object.metadata).map(([name, value]) => [
      `x-amz-meta-${name}`,
      value,
    ]);
    return empty(200, {
      etag: object.etag,
      "content-length": String(object.bytes.byteLength),
      "last-modified": new Date(object.modifiedMs).toUTCString(),
      ...Object.fromEntries(metadata),
    });
  },
  DeleteObject(bucket, { key }) {
    bucket.objects.delete(key);
    return empty(204, {});
  },
  ListObjectsV2(bucket, { url }) {
    const query = url.searchParams;
    const limit = Math.min(Number(query.get("max-keys") ?? 1000), 1000);
    const prefix = query.get("prefix") ?? "";
    const { keys, more } = bucket.keys(prefix, query.get("start-after") ?? "", limit);
    const contents = keys.map((key) => `<Contents><Key>${escapeXml(key)}</Key></Contents>`);
    const text = `<IsTruncated>${more}</IsTruncated>${contents.join("")}`;
    return xml(`<ListBucketResult>${text}</ListBucketResult>`);
  },
  CreateMultipartUpload(bucket, { key }) {
    const name = "InitiateMultipartUploadResult";
    return xml(`<${name}><UploadId>${bucket.start(key)}</UploadId></${name}>`);
  },
  UploadPart(bucket, { url, body }) {
    const query = url.searchParams;
    const number = Number(query.get("partNumber"));
    const etag = bucket.putPart(query.get("uploadId") ?? "", number, body);
    return typeof etag === "string" ? empty(200, { etag }) : etag;
  },
  CompleteMultipartUpload(bucket, { url, body, fault }) {
    if (fault?.type === "200-with-error") return xml(errorXml("InternalError"));
    const named = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = ""]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: (/<ETag>(.*?)</.exec(part)?.[1] ?? "").replaceAll("&quot;", '"'),
    }));
    const etag = bucket.complete(url.searchParams.get("uploadId") ?? "", named);
    if (typeof etag !== "string") return etag;
    const name = "CompleteMultipartUploadResult";
    return xml(`<${name}><ETag>${escapeXml(etag)}</ETag></${name}>`);
  },
  AbortMultipartUpload(bucket, { url }) {
    return bucket.abort(url.searchParams.get("uploadId") ?? "") ?? empty(204, {});
  },
  ListMultipartUploads(bucket, { url }) {
    const prefix = url.searchParams.get("prefix") ?? "";
    const uploads = [...bucket.multiparts]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([id, { key }]) => {
        return `<Upload><Key>${escapeXml(key)}</Key><UploadId>${id}</UploadId></Upload>`;
      });
    const name = "ListMultipartUploadsResult";
    return xml(`<${name}>${uploads.join("")}</${name}>`);
  },
};

function metadataOf(request: IncomingMessage): Record<string, string> {
  const prefix = "x-amz-meta-";
  const given = Object.entries(request.headers).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(given.map(([name, value]) => [name.slice(prefix.length), `${value}`]));
}

function empty(status: number, headers: Readonly<Record<string, string>>): Answer {
  return { status, headers, body: Buffer.alloc(0) };
}

function xml(text: string): Answer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: Buffer.from(text) };
}

function errorXml(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function sendError(response: ServerResponse, { status, code }: Refusal): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(response.req.method === "HEAD" ? undefined : errorXml(code));
}

function send(response: ServerResponse, answer: Answer | Refusal, fault: S3Fault | null): void {
  if ("code" in answer) sendError(response, answer);
  else sendAnswer(response, answer, fault);
}

function sendAnswer(response: ServerResponse, answer: Answer, fault: S3Fault | null): void {
  const { status, headers, body } = answer;
  const bytes = fault?.type === "short-body" ? body.subarray(0, fault.bytes) : body;
  const length = { "content-length": String(bytes.byteLength) };
  response.writeHead(status, status === 204 ? {} : { ...length, ...headers });
  if (fault?.type !== "cut-body") response.end(bytes);
  else response.write(bytes.subarray(0, fault.bytes), () => response.destroy());
}
