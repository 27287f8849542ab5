// An answer on /v2/ as data. The edge writes the headers as they stand and moves the body in the
// way that suits it; nothing here touches a socket. // hot path

import {
  type DistributionError,
  distributionErrors,
  errorBody,
  type RepositoryName,
} from "@sampan/oci/model";
import type { BlobBody } from "../blobs/blobs.ts";
import { projectOf } from "../core/project-name.ts";

export interface Reply {
  readonly status: number;
  /** Name, value, name, value …; Content-Length is always among them where a body may be. */
  readonly headers: readonly string[];
  /** Left out by the edge in an answer to HEAD. */
  readonly body: BlobBody | null;
}

/**
 * On every answer. Docker reads the first as "this is a version 2 registry"; the second keeps browsers
 * from taking pushed bytes for a page of ours.
 */
const everywhere = [
  "Docker-Distribution-Api-Version",
  "registry/2.0",
  "X-Content-Type-Options",
  "nosniff",
] as const;
const noBody = ["Content-Length", "0"] as const;

/** Seconds after which a client that was turned away may come back. */
const retryAfterS = 1;
/** A full disk is not emptied in a second: somebody must make room. */
const diskFullRetryAfterS = 60;

export function emptyReply(status: number, headers: readonly string[] = []): Reply {
  return { status, headers: [...headers, ...noBody, ...everywhere], body: null };
}

/** An answer that never has a body, and so no length either (204, 304). */
export function bareReply(status: number, headers: readonly string[]): Reply {
  return { status, headers: [...headers, ...everywhere], body: null };
}

export interface Content {
  readonly type: string;
  /** Bytes of the body. */
  readonly bytes: number;
  readonly body: BlobBody | null;
}

export function contentReply(status: number, content: Content, headers: readonly string[]): Reply {
  return {
    status,
    headers: [
      "Content-Type",
      content.type,
      "Content-Length",
      String(content.bytes),
      ...headers,
      ...everywhere,
    ],
    body: content.body,
  };
}

export function jsonReply(
  status: number,
  text: string,
  headers: readonly string[] = [],
  type = "application/json; charset=utf-8",
): Reply {
  const bytes = Buffer.from(text);
  const content = { type, bytes: bytes.byteLength, body: { type: "bytes", bytes } } as const;
  return contentReply(status, content, headers);
}

export interface FailureWords {
  /** Said instead of the table's sentence. */
  readonly message?: string;
  readonly detail?: unknown;
  readonly headers?: readonly string[];
}

export function failureReply(error: DistributionError, words: FailureWords = {}): Reply {
  const { status } = distributionErrors[error];
  return jsonReply(status, errorBody(error, words), words.headers);
}

/**
 * A push to where no project is, for who may know that. In the message, because podman, skopeo and
 * docker show nothing of the detail.
 */
export function projectUnknownReply(repository: RepositoryName): Reply {
  const project = projectOf(repository);
  const message =
    project === null
      ? `${repository} names no project: images are named PROJECT/NAME, such as ` +
        `library/${repository}; make a project with: sampan project create NAME`
      : `images are named PROJECT/NAME, and there is no project ${project}; ` +
        `make it with: sampan project create ${project}`;
  return failureReply("name-unknown", { message, detail: { name: repository } });
}

/** The store is busy or cannot tell: nothing was lost, the same request may be sent again. */
export function tryAgainReply(message: string): Reply {
  return failureReply("unavailable", { message, headers: ["Retry-After", String(retryAfterS)] });
}

export function diskFullReply(): Reply {
  const headers = ["Retry-After", String(diskFullRetryAfterS)];
  const message = "no space is left in the registry's storage";
  return failureReply("unavailable", { message, headers });
}

export function tooBusyReply(message: string): Reply {
  const headers = ["Retry-After", String(retryAfterS)];
  return failureReply("too-many-requests", { message, headers });
}
