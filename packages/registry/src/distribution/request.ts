// A request on /v2/ as its handlers see it: no sockets. The HTTP edge makes one of each message; a
// simulation may make them from nothing.

import type { IncomingHttpHeaders } from "node:http";
import type { RepositoryName } from "@sampan/oci/model";
import type { Identity } from "../auth/auth.ts";

export interface DistributionRequest {
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  /** As it was sent, without the question mark; empty when there is none. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Scheme, host and port under which the caller reaches us; empty when nothing says it. */
  readonly origin: string;
  /** As a trusted proxy names it, else the other end of the connection; null: there is none. */
  readonly clientAddress: string | null;
  readonly body: RequestBody;
}

/**
 * The bytes behind the headers, pushed rather than pulled: no promise per chunk. A body that no one
 * drains is thrown away by the edge.
 */
export interface RequestBody {
  /** What Content-Length says, 0 without a body; null: chunked, unknown. */
  readonly bytes: number | null;
  /**
   * Hands every chunk to `take`, which copies what it needs before it returns or its promise
   * settles; a promise holds back what follows. Fails with what `take` failed with, or with an
   * `IoError`: `aborted` (the client went away), `stalled` (it fell silent).
   */
  drain(take: TakeChunk): Promise<void>;
}

export type TakeChunk = (chunk: Uint8Array) => Promise<void> | null;

/** A request on a repository, past authorisation. */
export interface Call {
  readonly request: DistributionRequest;
  readonly repository: RepositoryName;
  /**
   * What stands in the path's last place (a reference, a digest, an upload's id), decoded,
   * unparsed.
   */
  readonly argument: string;
  readonly identity: Identity;
}

/**
 * The parameters of a query; whatever a handler does not ask for is tolerated (`ns`, of mirrors).
 */
export function queryOf(request: DistributionRequest): URLSearchParams {
  return new URLSearchParams(request.query);
}

/** A header that counts once; of one sent several times the first. */
export function headerOf(request: DistributionRequest, name: string): string | null {
  const value = request.headers[name];
  if (value === undefined) return null;
  return typeof value === "string" ? value : (value[0] ?? null);
}
