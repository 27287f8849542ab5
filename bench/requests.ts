// Requests over kept connections, in a few microseconds each: for filling a registry and for loads
// that are not as fast as possible but at a rate.

import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface Client {
  /** Throws when the status is not below 400. */
  send(method: string, path: string, what?: Sent): Promise<Answer>;
  close(): void;
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Of a registry at `url`, over at most so many connections. */
export function createClient(url: string, connections: number): Client {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = (method: string, path: string, { headers = {}, body }: Sent = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const length = { "Content-Length": String(body?.byteLength ?? 0) };
      const options = { hostname, port, path, method, agent, headers: { ...headers, ...length } };
      const sent = request(options, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          const answer = { status, body: Buffer.concat(parts) };
          if (status < 400) resolve(answer);
          else reject(new Error(`${method} ${path}: ${status} ${answer.body}`));
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  return { send, close: () => agent.destroy() };
}

/** Does `work` for 0 … count − 1, so many at once. */
export async function eachAtOnce(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, worker));
}
