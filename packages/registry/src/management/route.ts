// What a route of the management API is: a row of a table, which the router, the tests and the
// reference walk. Handlers are plain functions of (context, request) to a reply.

import type { IncomingHttpHeaders } from "node:http";
import type { Env } from "@sampan/env";
import type { Snapshot, Store } from "@sampan/kv/txn";
import type { Auth, Identity } from "../auth/auth.ts";
import type { OriginOf } from "../distribution/http/origin.ts";
import type { StoreCheck } from "../jobs/check.ts";

export type Access =
  /** Nobody is asked who they are. */
  | "open"
  /** Who has no credentials is anonymous; wrong ones are refused. */
  | "anyone"
  | "user"
  | "admin";

export interface Context {
  readonly env: Env;
  readonly store: Store;
  readonly auth: Auth;
  readonly originOf: OriginOf;
  readonly check: StoreCheck;
  /** What nothing refers to is kept for so many milliseconds. */
  readonly graceMs: number;
  /** Product version. */
  readonly version: string;
}

export interface ApiRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly identity: Identity;
  /** Of the other end of the connection; null: it is gone. */
  readonly clientAddress: string | null;
}

export interface ApiReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON, a text as it is; null: nothing. */
  readonly body: object | string | null;
}

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly access: Access;
  /** Its body may be a form too. Only where no password comes along by itself (cross-site.ts). */
  readonly takesForm?: true;
  /** JSON Schemas of what comes in; the handler's types are derived from the same ones. */
  readonly schema: {
    readonly params?: object;
    readonly query?: object;
    readonly body?: object;
  };
  handle(context: Context, request: ApiRequest): Promise<ApiReply>;
}

export function reply(status: number, body: object | string | null): ApiReply {
  return { status, body };
}

/** Reads the newest moment. */
export async function read<T>(
  context: Context,
  body: (reader: Snapshot) => Promise<T>,
): Promise<T> {
  const snapshot = await context.store.snapshot();
  try {
    return await body(snapshot);
  } finally {
    snapshot.release();
  }
}
