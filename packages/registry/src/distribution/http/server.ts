// The HTTP server of a registry: node:http with timeouts that suit long pushes, bare or over TLS.
// Nothing bounds how long a request may take; a connection that moves no byte is cut off, unless it
// is we who let it wait.

import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { type Env, errorMessage } from "@sampan/env";
import { limitConnections } from "./connection-limit.ts";
import { Connections, type Exchange } from "./connections.ts";
import { createSettleForwarding } from "./forwarding.ts";
import type { Network } from "./networks.ts";
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
  /** Milliseconds for the head of a request, from the opening of the connection. */
  readonly headMs?: number;
  /** Connections at once; the next ones are closed at once. */
  readonly connectionsMax?: number;
  /** Of one client; a trusted proxy, which stands for many, may have all there are. */
  readonly connectionsPerAddressMax?: number;
  /** Whose forwarding headers are believed. */
  readonly trustedProxies?: readonly Network[];
}

export interface KeyPair {
  /** PEM: the server's certificate first, then those that lead to its authority. */
  readonly certificate: string;
  /** PEM, not encrypted. */
  readonly key: string;
}

/** Longer than the idle time of the usual load balancers (60 s), so that they close first. */
const keepAliveMs = 75_000;
const headMsDefault = 30_000;
/** For the TLS handshake, which is a few kilobytes and one signature. */
const handshakeMsDefault = 10_000;
/** How often connections are looked for whose head takes too long. */
const headCheckMs = 2_000;
const headerBytesMax = 16 * 1024;
/** 64 KiB of buffers each when all of them move blobs. */
const connectionsMaxDefault = 4_096;
const connectionsPerAddressMaxDefault = 1_024;

/**
 * A server that is yet to listen. To end it: `close`, then `closeIdleConnections` now and then until
 * it is closed, for a connection that is kept alive outlives the request that was under way on it.
 */
export function createHttpServer(
  env: Env,
  handler: HttpHandler,
  options: HttpServerOptions,
): Server {
  const server = createServer(httpOptions(options));
  equip(env, server, { handler, options });
  return server;
}

/** The same over TLS 1.2 and 1.3. Fails where node:tls finds no use for the pair. */
export function createHttpsServer(
  env: Env,
  handler: HttpHandler,
  options: HttpServerOptions & { readonly tls: KeyPair; readonly handshakeMs?: number },
): TlsServer {
  const server = createTlsServer({
    ...httpOptions(options),
    ...secureContextOf(options.tls),
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: options.handshakeMs ?? handshakeMsDefault,
  });
  equip(env, server, { handler, options });
  server.on("tlsClientError", (error, socket) => {
    const { remoteAddress: client = "" } = socket;
    env.log.debug("a TLS handshake failed", { client, error: errorMessage(error) });
    // node:https takes it for garbage in HTTP, whose answer would wait for the handshake for ever.
    socket.destroy();
  });
  return server;
}

/**
 * Connections from now on get this pair; those that are open go on as they are. Fails where node:tls
 * finds no use for the pair, and then nothing has changed.
 */
export function replaceKeyPair(server: TlsServer, pair: KeyPair): void {
  server.setSecureContext(secureContextOf(pair));
}

function secureContextOf({ certificate, key }: KeyPair) {
  return { cert: certificate, key, minVersion: "TLSv1.2" } as const;
}

function httpOptions(options: HttpServerOptions): ServerOptions {
  return {
    keepAliveTimeout: keepAliveMs,
    headersTimeout: options.headMs ?? headMsDefault,
    connectionsCheckingInterval: Math.min(headCheckMs, options.headMs ?? headMsDefault),
    requestTimeout: 0,
    maxHeaderSize: headerBytesMax,
    noDelay: true,
  };
}

interface Equipment {
  readonly handler: HttpHandler;
  readonly options: HttpServerOptions;
}

function equip(env: Env, server: Server, { handler, options }: Equipment): void {
  const trustedProxies = options.trustedProxies ?? [];
  server.timeout = options.stallMs;
  limitConnections(env, server, {
    max: options.connectionsMax ?? connectionsMaxDefault,
    perAddressMax: options.connectionsPerAddressMax ?? connectionsPerAddressMaxDefault,
    trustedProxies,
  });
  const settleForwarding = createSettleForwarding(env, trustedProxies);
  const onRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    if (!server.listening) response.shouldKeepAlive = false;
    takeOriginForm(request);
    settleForwarding(request);
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
