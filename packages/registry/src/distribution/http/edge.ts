// Where /v2/ meets node:http: makes a request of each message, has it answered, writes head and
// body, counts. Everything about the connection is here and nothing about registries. // hot path

import type { IncomingMessage, ServerResponse } from "node:http";
import { AssertionError, type Env, errorCode, errorMessage } from "@sampan/env";
import { distributionErrors } from "@sampan/oci/model";
import type { BufferPool } from "../buffer-pool.ts";
import type { Distribution } from "../distribution.ts";
import type { Reply } from "../reply.ts";
import { failureReply } from "../reply.ts";
import { openBodyFile, sendFile, sendStream } from "./body-sender.ts";
import { createChunkRelease } from "./chunk-release.ts";
import { isCrossSite } from "./cross-site.ts";
import { Exchange } from "./exchange.ts";
import type { OriginOf } from "./origin.ts";
import { createRequestMetrics } from "./request-metrics.ts";

/** What the counts say of a client that went away before its answer (nginx's word for it). */
const statusGone = 499;
/** Beyond, the copy would cost more than it saves. */
const textBytesMax = 32 * 1024;
/** A body that nobody wanted is read and thrown away for so long, so that the answer arrives. */
const lingerMs = 2_000;
const lingerBytesMax = 256 * 1024;

export interface HttpEdge {
  /** Serves one request on /v2/. `expectsContinue`: it came with `Expect: 100-continue`. */
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void;
  /** As of `HttpHandler`; null: the request is none on /v2/. */
  isWorking(request: IncomingMessage): boolean | null;
}

export interface HttpEdgeDeps {
  readonly distribution: Distribution;
  readonly pool: BufferPool;
  readonly originOf: OriginOf;
}

export function createHttpEdge(env: Env, deps: HttpEdgeDeps): HttpEdge {
  const { distribution, pool, originOf } = deps;
  const metrics = createRequestMetrics(env.metrics);
  const chunks = createChunkRelease();
  const exchanges = new WeakMap<IncomingMessage, Exchange>();

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    exchange: Exchange,
  ): Promise<void> {
    const startMs = env.clock.monotonic();
    const match = distribution.match(exchange.method, exchange.path);
    const path = match.type === "route" ? match.route.path : "other";
    let status = statusGone;
    try {
      const { headers } = request;
      const reply = isCrossSite(exchange.method, headers, originOf)
        ? crossSiteReply()
        : await distribution.answer(match, exchange);
      status = reply.status;
      await send(env, { request, response, exchange, reply }, pool);
      metrics.sent(reply);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!isGone(error)) status = distributionErrors.unknown.status;
      giveUp(response, exchange, error);
    } finally {
      exchange.done = true;
    }
    const ms = env.clock.monotonic() - startMs;
    metrics.answered(path, exchange.method, status, ms);
    log(exchange, status, ms);
  }

  /** The bytes of a body could not be moved. */
  function giveUp(response: ServerResponse, exchange: Exchange, error: unknown): void {
    if (!isGone(error)) {
      const fields = { method: exchange.method, path: exchange.path, error };
      env.log.error(`a body could not be sent: ${errorMessage(error)}`, fields);
    }
    if (response.headersSent || isGone(error)) {
      // A head that is out cannot be taken back: cut off, so that nobody takes this for the end.
      response.destroy();
      return;
    }
    const { status, headers, body } = failureReply("unknown");
    response.writeHead(status, [...headers]);
    if (body?.type === "bytes") sendBytes(response, body.bytes);
  }

  function log(exchange: Exchange, status: number, ms: number): void {
    const { method, path } = exchange;
    const fields = { method, path, status, ms: Math.round(ms) };
    if (status >= 500) env.log.warn("request failed", fields);
    else env.log.debug("request", fields);
  }

  return {
    handle(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
      const exchange = new Exchange(request, response, {
        clock: env.clock,
        originOf,
        chunks,
        expectsContinue,
      });
      exchanges.set(request, exchange);
      void serve(request, response, exchange);
    },
    isWorking(request: IncomingMessage): boolean | null {
      const exchange = exchanges.get(request);
      if (exchange === undefined) return null;
      if (exchange.done) return false;
      if (exchange.waitsForClient) exchange.stalled = true;
      return !exchange.waitsForClient;
    },
  };
}

/** A browser that once logged in adds the password to what any page makes it send. */
function crossSiteReply(): Reply {
  return failureReply("denied", {
    message: "a page of another site may not change anything here",
  });
}

interface Answer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly exchange: Exchange;
  readonly reply: Reply;
}

async function send(env: Env, answer: Answer, pool: BufferPool): Promise<void> {
  const { request, response, exchange, reply } = answer;
  const { body } = reply;
  if (exchange.holdsBack) response.shouldKeepAlive = false;
  exchange.waitsForClient = true;
  if (body === null || exchange.method === "HEAD") {
    response.writeHead(reply.status, reply.headers as string[]);
    response.end();
  } else if (body.type === "bytes") {
    response.writeHead(reply.status, reply.headers as string[]);
    sendBytes(response, body.bytes);
  } else if (body.type === "file") {
    const file = await openBodyFile(body);
    response.writeHead(reply.status, reply.headers as string[]);
    await sendFile(response, { file, body }, pool);
    response.end();
  } else {
    const stream = await body.open();
    response.writeHead(reply.status, reply.headers as string[]);
    await sendStream(response, stream);
    response.end();
  }
  if (!request.complete) linger(env, request, exchange);
}

/**
 * As text of Latin-1, which is bytes one to one: node:http then sends head and body in one write,
 * where a buffer would make it two parts and a gathering write (a fifth of a manifest's time).
 */
function sendBytes(response: ServerResponse, bytes: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteLength > textBytesMax) response.end(bytes);
  else response.end(Buffer.from(buffer, byteOffset, byteLength).toString("latin1"), "latin1");
}

/**
 * The answer came before the whole body (a refusal). Closing now would reset the connection and
 * with it the answer on its way, so what comes is thrown away for a moment; a client that reads its
 * answer stops by itself.
 */
function linger(env: Env, request: IncomingMessage, exchange: Exchange): void {
  request.resume();
  if (exchange.bytes !== null && exchange.bytes <= lingerBytesMax) return;
  const timer = env.clock.timer(lingerMs, () => request.destroy());
  const stop = (): void => timer.cancel();
  request.once("end", stop);
  request.once("close", stop);
}

function isGone(error: unknown): boolean {
  const code = errorCode(error);
  return code === "aborted" || code === "stalled";
}
