// What a registry's refusal means to whoever asked. Refusals are values; a registry that is broken
// or out of reach throws IoError.

import { IoError } from "@sampan/env";
import type { ErrorEntry } from "../model/index.ts";
import { parseErrorBody } from "../model/index.ts";
import { parseRetryAfter } from "./challenge.ts";
import type { HttpResponse } from "./http-client.ts";

export interface RemoteFailure {
  readonly code:
    | "not-found"
    /** No credentials were given, or they were refused. */
    | "unauthorized"
    /** The credentials hold, the right is missing. */
    | "denied"
    | "too-many-requests"
    /** Any other status from 400 to 499; `errors` says more. */
    | "refused";
  readonly status: number;
  /** As the registry sent them; empty after a HEAD. */
  readonly errors: readonly ErrorEntry[];
  readonly message: string;
  /** How long the registry asks us to wait, milliseconds. */
  readonly retryAfterMs: number | null;
}

const errorBodyBytesMax = 64 * 1024;
const plainCharsMax = 200;

const codes: Readonly<Record<number, RemoteFailure["code"]>> = {
  401: "unauthorized",
  403: "denied",
  404: "not-found",
  429: "too-many-requests",
};

/** Takes the body. Throws IoError `server-error` for 5xx, `protocol` for what is no refusal. */
export async function readFailure(response: HttpResponse, what: string): Promise<RemoteFailure> {
  const { status } = response;
  const body = await response.bytes(errorBodyBytesMax);
  const text = Buffer.from(body).toString("utf8");
  const errors = parseErrorBody(text);
  const isText = /^(?:$|text\/plain)/.test(response.header("content-type") ?? "");
  const plain = errors.length === 0 && isText ? firstLine(text) : "";
  const said = errors.map((error) => `${error.code}: ${error.message}`).join("; ") || plain;
  const message = `${what} answered ${status}${said === "" ? "" : ` (${said})`}`;
  if (status >= 500) throw new IoError("server-error", message);
  if (status < 400) throw new IoError("protocol", message);
  return {
    code: codes[status] ?? "refused",
    status,
    errors,
    message,
    retryAfterMs: parseRetryAfter(response.header("retry-after"), response.header("date")),
  };
}

/** What a proxy, or a server that is no registry, says to people. */
function firstLine(text: string): string {
  return (text.trim().split(/[\r\n]/, 1)[0] ?? "").slice(0, plainCharsMax);
}
