// The body of a hashing worker thread: node:crypto over memory that the main thread shares with it.

import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { assert } from "@sampan/env";
import type { HashAnswer, HashRequest } from "./hash-messages.ts";

const port = parentPort;
assert(port !== null, "the hashing worker runs as a worker thread");

const streams = new Map<number, Hash>();

port.on("message", (request: HashRequest) => {
  if (request.type === "start") {
    streams.set(request.stream, createHash(request.algorithm));
    return;
  }
  const hash = streams.get(request.stream);
  assert(hash !== undefined, `no hash stream ${request.stream}`);
  if (request.type === "update") {
    hash.update(new Uint8Array(request.memory, 0, request.bytes));
    port.postMessage({ type: "updated", stream: request.stream } satisfies HashAnswer);
    return;
  }
  streams.delete(request.stream);
  if (request.type === "abandon") return;
  const answer = { type: "finished", stream: request.stream, hex: hash.digest("hex") } as const;
  port.postMessage(answer satisfies HashAnswer);
});
