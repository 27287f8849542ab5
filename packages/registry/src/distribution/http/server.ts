// The HTTP server of a registry: node:http with timeouts that suit long pushes. Nothing bounds how
// long a request may take; a connection that moves no byte is cut off, unless it is we who let it
// wait.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Env } from "@sampan/env";

export interface HttpHandler {
  handle(request: IncomingMessage, response: ServerResponse, expectsContinue?: boolean): void;
  /** True: the connection is silent because the request's work takes its time. */
  isWorking(socket: Socket): boolean;
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
 * A server that is yet to listen. After its `close` the connections that are kept alive end with
 * the request that is under way on them.
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
  const onRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    if (!server.listening) response.shouldKeepAlive = false;
    handler.handle(request, response, expectsContinue);
  };
  server.on("request", (request, response) => onRequest(request, response, false));
  server.on("checkContinue", (request, response) => onRequest(request, response, true));
  server.on("timeout", (socket) => {
    if (!handler.isWorking(socket)) socket.destroy();
    else socket.setTimeout(options.stallMs); // tidy: the socket's own, which counts from a byte
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    env.log.debug("a connection was not HTTP", { code: error.code ?? "" });
    if (socket.writable) socket.end(badRequestOf(error.code));
    else socket.destroy();
  });
  return server;
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
