// Which requests are under way on which connection of an HTTP server. Clients may send the next
// one before the answer to the first is out (pipelining, RFC 9112, section 9.3.2), so that a
// connection has a queue of them, answered in order. // hot path

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Queue {
  /** Nothing was asked on the connection so far. */
  isFresh: boolean;
  readonly exchanges: Exchange[];
}

export class Connections {
  readonly #queues = new Map<Socket, Queue>();
  /** Bare connections whose TLS is not settled, by their other end. */
  readonly #handshaking = new Map<string, Socket>();

  /** Made when the server has its listeners, before it listens. */
  constructor(server: Server) {
    const isSecure = server instanceof TlsServer;
    server.on(isSecure ? "secureConnection" : "connection", (socket: Socket) => {
      if (isSecure) this.#handshaking.delete(otherEnd(socket));
      this.#queues.set(socket, { isFresh: true, exchanges: [] });
      socket.once("close", () => this.#queues.delete(socket));
    });
    if (isSecure) server.on("connection", (socket: Socket) => this.#shakeHands(socket));
    const enter = (request: IncomingMessage, response: ServerResponse): void => {
      const queue = this.#queues.get(request.socket);
      if (queue === undefined) return;
      dropOver(queue.exchanges);
      queue.isFresh = false;
      queue.exchanges.push({ request, response });
    };
    server.prependListener("request", enter);
    // Node leaves `100 Continue` to whoever listens, and to itself when nobody does.
    if (server.listenerCount("checkContinue") > 0) server.prependListener("checkContinue", enter);
  }

  /** The exchange whose bytes, in or out, the connection waits for; null: there is none. */
  current(socket: Socket): Exchange | null {
    return this.#underWay(socket)[0] ?? null;
  }

  /**
   * Whether an answer written to the connection by hand would be read as the one to the request
   * that is being received: nobody waits for an earlier one, and no part of its own is out.
   */
  takesAnswer(socket: Socket): boolean {
    const underWay = this.#underWay(socket);
    return underWay.every(({ request, response }) => !request.complete && !response.headersSent);
  }

  /**
   * Cuts every connection on which no request is under way. `sparesFresh`: but for those that were
   * opened and asked nothing so far; their first request may be on its way.
   */
  destroyIdle(options: { readonly sparesFresh: boolean }): void {
    if (!options.sparesFresh) for (const socket of this.#handshaking.values()) socket.destroy();
    for (const [socket, { isFresh }] of this.#queues) {
      if (isFresh && options.sparesFresh) continue;
      if (this.current(socket) === null) socket.destroy();
    }
  }

  #shakeHands(socket: Socket): void {
    const name = otherEnd(socket);
    this.#handshaking.set(name, socket);
    socket.once("close", () => {
      if (this.#handshaking.get(name) === socket) this.#handshaking.delete(name);
    });
  }

  #underWay(socket: Socket): readonly Exchange[] {
    const queue = this.#queues.get(socket);
    if (queue === undefined) return [];
    dropOver(queue.exchanges);
    return queue.exchanges;
  }
}

/** The same of a connection and of the TLS on it. */
function otherEnd({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** They end in the order in which they began. */
function dropOver(exchanges: Exchange[]): void {
  while (exchanges[0] !== undefined && isOver(exchanges[0])) exchanges.shift();
}

/** The answer is with the system, and no rest of the request would be met by a reset. */
function isOver({ request, response }: Exchange): boolean {
  return response.closed && (request.complete || request.destroyed);
}
