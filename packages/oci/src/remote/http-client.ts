// The one file that knows node:http and node:https as a client: keep-alive connections, bodies as
// streams in both directions, a stall timer instead of a deadline. It does not know registries.

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { Env, Timer } from "@sampan/env";
import { errorCode, errorMessage, IoError } from "@sampan/env";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly signal?: AbortSignal;
  /** Doing it twice does no more than doing it once. */
  readonly repeatable: boolean;
}

/** `open` is called once per attempt. */
export interface HttpBody {
  readonly bytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** The body has to be taken by one of the three, or the connection stays occupied. */
export interface HttpResponse {
  readonly status: number;
  /** Several headers of one name are joined with commas. */
  header(name: string): string | null;
  /**
   * Ends with IoError `interrupted` or `stalled` when the bytes do; leaving early cuts the
   * connection.
   */
  stream(): AsyncIterable<Uint8Array>;
  /** The whole body; IoError `too-large` above the limit. */
  bytes(limit: number): Promise<Uint8Array>;
  discard(): void;
}

export interface HttpClientOptions {
  /** A connection on which nothing moves for so long is given up. Milliseconds. */
  readonly stallMs: number;
  readonly connectionsMax: number;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string;
  /** Takes any certificate: whoever is on the way can read and change everything. */
  readonly insecure?: boolean;
}

/** IoError codes of `send`: `unreachable`, `stalled`. An aborted signal rejects with AbortError. */
export interface HttpClient {
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Cuts idle connections; a running request goes on. */
  close(): void;
}

export function createHttpClient(env: Env, options: HttpClientOptions): HttpClient {
  const pool = { keepAlive: true, maxSockets: options.connectionsMax };
  const plain = new http.Agent(pool);
  const secure = new https.Agent({
    ...pool,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    rejectUnauthorized: options.insecure !== true,
  });

  const attempt = async (request: HttpRequest): Promise<HttpResponse> => {
    const outgoing = open(request, { plain, secure });
    const watch = createStallWatch(env, options.stallMs, () => {
      const what = `${requestName(request)}: nothing moved for ${options.stallMs} ms`;
      outgoing.destroy(new IoError("stalled", what));
    });
    try {
      const incoming = await exchange(outgoing, request.body, watch);
      watch.stop();
      return createResponse({ request, incoming, watch, outgoing });
    } catch (error) {
      watch.stop();
      outgoing.destroy();
      throw error;
    }
  };

  return {
    send: async (request) => {
      try {
        return await attempt(request);
      } catch (error) {
        // A server may close an idle connection in the very moment in which it is used again. That
        // looks like any other break, so only what may be done twice is sent once more.
        if (error instanceof StaleConnection && request.repeatable) {
          return await attempt(request).catch(rethrow(request));
        }
        return rethrow(request)(error);
      }
    },
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

class StaleConnection extends Error {
  override readonly name = "StaleConnection";
}

interface Agents {
  readonly plain: http.Agent;
  readonly secure: https.Agent;
}

function open(request: HttpRequest, agents: Agents): http.ClientRequest {
  const { method, url, signal } = request;
  const length = request.body === undefined ? {} : { "content-length": `${request.body.bytes}` };
  const headers = { ...request.headers, ...length };
  const given = signal === undefined ? {} : { signal };
  const outgoing =
    url.protocol === "https:"
      ? https.request(url, { method, headers, agent: agents.secure, ...given })
      : http.request(url, { method, headers, agent: agents.plain, ...given });
  // Failures are seen where they are awaited; one that comes after nobody awaits must not kill us.
  outgoing.on("error", () => {});
  return outgoing;
}

// The answer may come before the body is out (a refusal): then no more is sent.
async function exchange(
  outgoing: http.ClientRequest,
  body: HttpBody | undefined,
  watch: StallWatch,
): Promise<http.IncomingMessage> {
  watch.progress();
  const answered = once(outgoing, "response").catch((error: unknown) => {
    const stale = outgoing.reusedSocket && errorCode(error) === "ECONNRESET";
    throw stale ? new StaleConnection("the connection was closed", { cause: error }) : error;
  });
  const sent = sendBody(outgoing, body, watch);
  const first: unknown[] = await Promise.race([answered, sent.then(() => answered)]);
  return first[0] as http.IncomingMessage;
}

async function sendBody(
  outgoing: http.ClientRequest,
  body: HttpBody | undefined,
  watch: StallWatch,
): Promise<void> {
  if (body === undefined) {
    outgoing.end();
    return;
  }
  const closed = new AbortController();
  outgoing.once("close", () => closed.abort());
  outgoing.once("response", () => closed.abort());
  for await (const chunk of body.open()) {
    if (closed.signal.aborted) return;
    const room = outgoing.write(chunk);
    if (!room) await once(outgoing, "drain", { signal: closed.signal }).catch(() => {});
    watch.progress();
  }
  if (!closed.signal.aborted) outgoing.end();
}

interface Answered {
  readonly request: HttpRequest;
  readonly incoming: http.IncomingMessage;
  readonly watch: StallWatch;
  readonly outgoing: http.ClientRequest;
}

function createResponse({ request, incoming, watch, outgoing }: Answered): HttpResponse {
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    try {
      watch.progress();
      for await (const chunk of incoming) {
        // A consumer that takes its time is no stall of the network.
        watch.stop();
        yield chunk;
        watch.progress();
      }
    } catch (error) {
      if (error instanceof IoError) throw error;
      const what = `the answer to ${requestName(request)} broke off: ${errorMessage(error)}`;
      throw new IoError("interrupted", what, error);
    } finally {
      watch.stop();
      if (!outgoing.writableFinished) outgoing.destroy();
    }
  };
  return {
    status: incoming.statusCode ?? 0,
    header: (name) => readHeader(incoming, name),
    stream,
    bytes: (limit) => readAll(stream(), limit),
    discard: () => {
      if (outgoing.writableFinished) incoming.resume();
      else outgoing.destroy();
    },
  };
}

function readHeader(incoming: http.IncomingMessage, name: string): string | null {
  const values = incoming.headersDistinct[name.toLowerCase()];
  return values === undefined ? null : values.join(", ");
}

async function readAll(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > limit) throw new IoError("too-large", `the answer is larger than ${limit} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

function rethrow(request: HttpRequest): (error: unknown) => never {
  return (error) => {
    if (error instanceof IoError || errorCode(error) === "ABORT_ERR") throw error;
    const cause = error instanceof StaleConnection ? error.cause : error;
    const what = `${requestName(request)} failed: ${connectionMessage(cause)}`;
    throw new IoError("unreachable", what, cause);
  };
}

/** Without the query, which may hold a signature or a state of the registry. */
function requestName({ method, url }: HttpRequest): string {
  return `${method} ${url.origin}${url.pathname}`;
}

/** A name with several addresses fails with one error for each, and no message of its own. */
function connectionMessage(error: unknown): string {
  const message = errorMessage(error);
  if (message !== "" || !(error instanceof AggregateError)) return message;
  return error.errors.map(errorMessage).join("; ");
}

/** Fires when neither `progress` nor `stop` is called in time. */
interface StallWatch {
  progress(): void;
  stop(): void;
}

function createStallWatch(env: Env, stallMs: number, stalled: () => void): StallWatch {
  let timer: Timer | null = null;
  const stop = (): void => {
    timer?.cancel();
    timer = null;
  };
  return {
    stop,
    progress: () => {
      stop();
      timer = env.clock.timer(stallMs, stalled);
    },
  };
}
