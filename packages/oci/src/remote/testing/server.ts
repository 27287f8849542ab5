// A real HTTP server on a free port for the tests of the client, which answers as each test says.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Closes the connection behind the body, however long the header says that it is. */
  readonly breaks?: boolean;
}

/** null: take the request and never answer. `cut`: close the connection instead of an answer. */
export type Handler = (request: Received) => Answer | "cut" | null;

export interface TestServer {
  readonly url: URL;
  readonly received: readonly Received[];
  close(): Promise<void>;
}

export async function startServer(handler: Handler): Promise<TestServer> {
  const received: Received[] = [];
  const server = http.createServer(async (incoming, outgoing) => {
    const request = await receive(incoming);
    if (request === null) return;
    received.push(request);
    const answer = handler(request);
    if (answer === "cut") incoming.socket.destroy();
    else if (answer !== null) send(outgoing, request, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    received,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function receive(incoming: http.IncomingMessage): Promise<Received | null> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk);
  } catch {
    return null;
  }
  const { method = "", url = "", headers } = incoming;
  return { method, target: url, headers, body: Buffer.concat(chunks) };
}

function send(outgoing: http.ServerResponse, request: Received, answer: Answer): void {
  const body = Buffer.from(answer.body ?? "");
  const length = { "content-length": `${body.length}` };
  outgoing.writeHead(answer.status, { ...length, ...answer.headers } as http.OutgoingHttpHeaders);
  if (answer.breaks === true) outgoing.write(body, () => outgoing.destroy());
  else outgoing.end(request.method === "HEAD" ? undefined : body);
}
