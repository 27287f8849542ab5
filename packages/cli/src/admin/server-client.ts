// Asks a server over HTTP and turns every way in which that can fail into one line for the user.

import { errorCode, errorMessage, IoError } from "@sampan/env";
import { CommandFailure } from "../failure.ts";
import { printable } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { type CredentialOptions, type Credentials, findCredentials } from "./credentials.ts";

export const defaultUrl = "http://127.0.0.1:8080";
const requestTimeoutMs = 30_000;
const answerBytesMax = 16 * 1024 * 1024;

export interface ServerOptions extends CredentialOptions {
  readonly url?: string;
  readonly json?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Null where the body is no JSON. */
  readonly body: unknown;
}

export interface ServerClient {
  readonly url: string;
  /** In whose name it asks; null: in nobody's. */
  readonly user: string | null;
  /** Any answer, also one that refuses. Fails when there is none. */
  ask(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer>;
  /** Fails unless the answer is 2xx. */
  demand(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer>;
  /** What to fail with after an answer that refuses. */
  refused(answer: Answer): CommandFailure;
}

/** The server that the options or SAMPAN_URL name, in the name of whoever is found. */
export async function connect(terminal: Terminal, options: ServerOptions): Promise<ServerClient> {
  const url = serverUrl(terminal, options.url);
  const credentials = await findCredentials(terminal, new URL(url).host, options);
  return createServerClient(url, credentials);
}

export function createServerClient(url: string, credentials: Credentials | null): ServerClient {
  const ask: ServerClient["ask"] = (method, path, body) =>
    request(`${url}${path}`, { method, body, credentials, url });
  const refused = (answer: Answer): CommandFailure =>
    new CommandFailure(refusal(answer, { url, credentials }));
  return {
    url,
    user: credentials?.user ?? null,
    ask,
    async demand(method, path, body) {
      const answer = await ask(method, path, body);
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw refused(answer);
    },
    refused,
  };
}

export function serverUrl(terminal: Terminal, given: string | undefined): string {
  const text = given ?? (terminal.environment["SAMPAN_URL"] || defaultUrl);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.host !== "") return url.origin;
  const where = given === undefined ? "SAMPAN_URL" : "--url";
  throw new CommandFailure(
    `${where}: ${JSON.stringify(text)} is no http or https URL; give for example ${defaultUrl}`,
    2,
  );
}

interface Request {
  readonly method: string;
  readonly body: unknown;
  readonly credentials: Credentials | null;
  readonly url: string;
}

async function request(target: string, options: Request): Promise<Answer> {
  const { method, body, credentials, url } = options;
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (credentials !== null) {
    const pair = Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64");
    headers["authorization"] = `Basic ${pair}`;
  }
  try {
    const response = await fetch(target, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A redirect could carry the password elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const text = await readBounded(response);
    return { status: response.status, headers: response.headers, body: parseJson(text) };
  } catch (error) {
    throw new CommandFailure(unreachable(url, error));
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) throw new IoError("too-large", "an answer above 16 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function unreachable(url: string, error: unknown): string {
  const cause =
    typeof error === "object" && error !== null && "cause" in error ? error.cause : null;
  const code = errorCode(cause) ?? errorCode(error);
  const named = "or name another with --url";
  switch (code) {
    case "ECONNREFUSED":
      return `nothing listens on ${url}; start the server with sampan up, ${named} or SAMPAN_URL`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name in ${url} cannot be resolved; check it, ${named}`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `the certificate of ${url} is not trusted; set NODE_EXTRA_CA_CERTS to its authority`;
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return `${url} speaks plain HTTP; use ${url.replace("https:", "http:")}`;
    default: {
      const why = errorMessage(cause ?? error).replace(/\s+/g, " ");
      const https = url.startsWith("http:")
        ? `, or does it speak ${url.replace("http:", "https:")}?`
        : "?";
      return `no answer from ${url} (${why.trim()}); is it a Sampan server${https}`;
    }
  }
}

function refusal(answer: Answer, to: { url: string; credentials: Credentials | null }): string {
  const said = printable(errorText(answer.body));
  switch (answer.status) {
    case 401:
      return to.credentials === null
        ? `${to.url} asks who you are; give --user and --password-stdin, or SAMPAN_PASSWORD`
        : `wrong user or password for ${to.credentials.user} at ${to.url}`;
    case 403:
      return `${to.credentials?.user ?? "anonymous"} may not do that${said}`;
    case 404:
      return `${to.url} does not know that${said}; is it a Sampan server?`;
    default:
      return `${to.url} refused (${answer.status})${said}`;
  }
}

/** Harbor's form: `{"errors":[{"code","message"}]}`. */
function errorText(body: unknown): string {
  if (typeof body !== "object" || body === null || !("errors" in body)) return "";
  const [first] = Array.isArray(body.errors) ? body.errors : [];
  return typeof first?.message === "string" ? `: ${first.message}` : "";
}
