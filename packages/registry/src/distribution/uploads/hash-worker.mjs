// The body of a hashing worker thread: node:crypto over memory that the main thread shares with it.
// JavaScript, because Node 20 gives worker threads no loader: the same file serves from source and
// built. hash-pool.ts starts it; hash-messages.ts says what goes back and forth. // hot path

import { createHash } from "node:crypto";
import { parentPort } from "node:worker_threads";

/** @typedef {import("./hash-messages.ts").HashRequest} HashRequest */
/** @typedef {import("./hash-messages.ts").HashAnswer} HashAnswer */

if (parentPort === null) throw new TypeError("this file is the body of a worker thread");
const port = parentPort;

/** @type {Map<number, import("node:crypto").Hash>} */
const streams = new Map();

/** @param {HashAnswer} message */
function answer(message) {
  port.postMessage(message);
}

port.on("message", (/** @type {HashRequest} */ request) => {
  const { stream } = request;
  if (request.type === "start") {
    streams.set(stream, createHash(request.algorithm));
    return;
  }
  const hash = streams.get(stream);
  if (hash === undefined) throw new TypeError(`no hash stream ${stream}`);
  if (request.type === "update") {
    hash.update(new Uint8Array(request.memory, 0, request.bytes));
    answer({ type: "updated", stream });
    return;
  }
  streams.delete(stream);
  if (request.type === "finish") answer({ type: "finished", stream, hex: hash.digest("hex") });
});
