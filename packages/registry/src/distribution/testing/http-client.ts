// HTTP requests as tests need them: any path as it stands, bodies in parts, answers to HEAD and to
// refused bodies, one connection each.

import { type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Sent one after the other without a Content-Length. */
  readonly parts?: readonly Uint8Array[];
}

export interface HttpClient {
  /** `path` goes out as it is; an absolute URL (a `Location`) is taken too. */
  send(method: string, path: string, asked?: Asked): Promise<Answer>;
  /** A bare connection, for what no HTTP client would send. */
  connect(): Promise<Socket>;
}

export function createHttpClient(port: number): HttpClient {
  const host = "127.0.0.1";
  return {
    send(method: string, path: string, asked: Asked = {}): Promise<Answer> {
      const sent = path.startsWith("http://") ? path.slice(path.indexOf("/", 7)) : path;
      const body = asked.body === undefined ? null : Buffer.from(asked.body);
      const headers = { ...asked.headers };
      if (asked.parts === undefined && method !== "GET" && method !== "HEAD") {
        headers["content-length"] ??= String(body?.byteLength ?? 0);
      }
      return new Promise((resolve, reject) => {
        const going = request({ host, port, method, path: sent, headers, agent: false });
        going.on("error", reject);
        going.on("response", (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("error", reject);
          response.on("end", () => {
            const { statusCode: status = 0, headers: got } = response;
            resolve({ status, headers: got, body: Buffer.concat(parts) });
          });
        });
        for (const part of asked.parts ?? []) going.write(part);
        going.end(body ?? undefined);
      });
    },
    connect(): Promise<Socket> {
      return new Promise((resolve, reject) => {
        const socket = connect(port, host, () => resolve(socket));
        socket.on("error", reject);
      });
    },
  };
}

/** The codes of an error body; empty when it is none. */
export function errorCodes(answer: Answer): string[] {
  const { errors } = JSON.parse(answer.body.toString()) as { errors?: { code: string }[] };
  return (errors ?? []).map((error) => error.code);
}

export function jsonOf(answer: Answer): unknown {
  return JSON.parse(answer.body.toString());
}
