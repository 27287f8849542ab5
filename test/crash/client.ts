// A client of the registry that tells apart what a crash test must: an answer, and none.

import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Call {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** A path, or a URL of the same server. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Client {
  /** The answer, whole; null when the connection broke first: nobody knows what was done. */
  send(call: Call): Promise<Answer | null>;
  close(): void;
}

/** Longer than any request takes on a busy machine: a server that hangs is a failure, too. */
const answerMsMax = 60_000;

export function createClient(origin: string, password: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString("base64")}`;
  return {
    send: (call) => {
      const url = new URL(call.path, origin);
      const { body = Buffer.alloc(0) } = call;
      const hasBody = call.method !== "GET" && call.method !== "HEAD";
      const length = hasBody ? { "content-length": String(body.length) } : {};
      const headers = { authorization, ...length, ...call.headers };
      return new Promise((resolve, reject) => {
        const request = httpRequest(url, { agent, method: call.method, headers });
        request.setTimeout(answerMsMax, () => {
          reject(new Error(`${call.method} ${url.pathname}: no answer in ${answerMsMax} ms`));
          request.destroy();
        });
        request.on("error", () => resolve(null));
        request.on("response", (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", () => resolve(null));
          response.on("aborted", () => resolve(null));
          response.on("end", () => {
            const { statusCode = 0, headers } = response;
            resolve({ status: statusCode, headers, body: Buffer.concat(parts) });
          });
        });
        request.end(hasBody ? body : undefined);
      });
    },
    close: () => agent.destroy(),
  };
}
