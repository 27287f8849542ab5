// A client of /v2/ in the world: requests without sockets, whose bodies come chunk by chunk with
// pauses, so that the power may go in the middle of one.

import { type Env, errorCode } from "@sampan/env";
import type { Registry } from "@sampan/registry";

export type Distribution = Registry["distribution"];
type DistributionRequest = Parameters<Distribution["answer"]>[1];
type Reply = Awaited<ReturnType<Distribution["answer"]>>;

export interface Answer {
  readonly status: number;
  /** The first of the name, in lower case; null: none. */
  header(name: string): string | null;
  readonly body: Buffer;
}

export interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const chunkBytesMax = 16 * 1024;
const chunkPauseMsMax = 20;

/** `pathAndQuery` as in a request line. */
export async function send(
  client: { readonly env: Env; readonly target: Distribution },
  line: { readonly method: string; readonly pathAndQuery: string },
  asked: Asked = {},
): Promise<Answer> {
  const { env, target } = client;
  const [path = "", query = ""] = line.pathAndQuery.split("?");
  const body = asked.body ?? new Uint8Array(0);
  const request: DistributionRequest = {
    method: line.method,
    path,
    query,
    headers: { "content-length": `${body.byteLength}`, ...asked.headers },
    origin: "",
    clientAddress: null,
    body: { bytes: body.byteLength, drain: (take) => drain(env, body, take) },
  };
  return toAnswer(await target.answer(target.match(line.method, path), request));
}

async function drain(
  { clock, random }: Env,
  body: Uint8Array,
  take: Parameters<DistributionRequest["body"]["drain"]>[0],
): Promise<void> {
  for (let at = 0; at < body.byteLength; ) {
    const end = Math.min(body.byteLength, at + 1 + random.int(chunkBytesMax));
    await clock.sleep(random.fraction() * chunkPauseMsMax);
    await take(body.subarray(at, end));
    at = end;
  }
}

async function toAnswer(reply: Reply): Promise<Answer> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < reply.headers.length; index += 2) {
    const name = (reply.headers[index] ?? "").toLowerCase();
    if (!headers.has(name)) headers.set(name, reply.headers[index + 1] ?? "");
  }
  return {
    status: reply.status,
    header: (name) => headers.get(name) ?? null,
    body: await readBody(reply.body),
  };
}

/** A body whose bytes are gone is cut short on the wire; here it is empty. */
async function readBody(body: Reply["body"]): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (body.type === "bytes") return Buffer.from(body.bytes);
  if (body.type === "file") throw new Error("blobs in memory lie in no file");
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of await body.open()) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    if (errorCode(error) !== "not-found") throw error;
    return Buffer.alloc(0);
  }
}
