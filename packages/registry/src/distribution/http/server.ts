// The HTTP server of a registry: node:http with timeouts that suit long pushes. Nothing bounds how
// long a request may take; a connection that moves no byte is cut off, unless it is we who let it
// wait.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Env } from "@sampan/env";
import { Connections, type Exchange } from "./connections.ts";
import { createDropForeignForwarding } from "./forwarding.ts";
import { takeOriginForm } from "./target.ts";

export interface HttpHandler {
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue?: boolean): void;
  /**
   * The request's connection moved no byte for the stall time. True: because its work takes its
   * time; false: because the client is silent; null: the handler does not know.
   */
  isWorking(request: IncomingMessage): boolean | null;
}

export interface HttpServerOptions {
  /** Milliseconds without a byte, in a body or an answer, after which a connection is closed. */
  readonly stallMs: number;
  /** Connections at once; the next ones are closed at once. */
  readonly connectionsMax?: number;
}

/** Longer than the idle time of the usual load balancers (60 s), so that they close first. */
const keepAliveMs = 75_000;
/** For the head of a request, from the opening of the connection. */
const headersMs = 30_000;
const headerBytesMax = 16 * 1024;
/** 64 KiB of buffers each when all of them move blobs. */
const connectionsMaxDefault = 4_096;

/**
 * A server that is yet to listen. To end it: `close`, then `closeIdleConnections` now and then until
 * it is closed, for a connection that is kept alive outlives the request that was under way on it.
 */
export function createHttpServer(
  env: Env,
  handler: HttpHandler,
  options: HttpServerOptions,
): Server {
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: headersMs,
    requestTimeout: 0,
    maxHeaderSize: headerBytesMax,
    noDelay: true,
  });
  server.timeout = options.stallMs;
  server.maxConnections = options.connectionsMax ?? connectionsMaxDefault;
  const dropForeignForwarding = createDropForeignForwarding();
  const onRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    if (!server.listening) response.shouldKeepAlive = false;
    takeOriginForm(request);
    dropForeignForwarding(request);
    handler.handle(request, response, expectsContinue);
  };
  server.on("request", (request, response) => onRequest(request, response, false));
  server.on("checkContinue", (request, response) => onRequest(request, response, true));
  const connections = new Connections(server);
  server.on("timeout", (socket) => {
    const exchange = connections.current(socket);
    if (exchange === null || !isWorking(handler, exchange)) socket.destroy();
    else socket.setTimeout(options.stallMs); // tidy: the socket's own, which counts from a byte
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    env.log.debug("a connection was not HTTP", { code: error.code ?? "" });
    // Beside an answer that is on its way, this one would be taken for a part of it.
    if (socket.writable && connections.takesAnswer(socket)) socket.end(badRequestOf(error.code));
    else socket.destroy();
  });
  return server;
}

/** The client waits for us once all it asked is here and nothing of the answer is out. */
function isWorking(handler: HttpHandler, { request, response }: Exchange): boolean {
  return handler.isWorking(request) ?? (request.complete && !response.headersSent);
}

/** What the parser refuses never becomes a request: an answer by hand. */
function badRequestOf(code: string | undefined): string {
  const status =
    code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  return `HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}
