// The body of a thread that unlinks files, one after the other. JavaScript, because Node 20 gives
// worker threads no loader: the same file serves from source and built. file-removal.ts starts it.

import { unlinkSync } from "node:fs";
import { parentPort } from "node:worker_threads";

/** @typedef {import("./file-removal.ts").Removal} Removal */
/** @typedef {import("./file-removal.ts").RemovalAnswer} RemovalAnswer */

if (parentPort === null) throw new TypeError("this file is the body of a worker thread");
const port = parentPort;

/** @param {RemovalAnswer} message */
function answer(message) {
  port.postMessage(message);
}

/** Who asks when this has just begun to end finds the thread gone, and does it without. */
const idleMs = 30_000;
let idle = setTimeout(() => port.close(), idleMs);

port.on("message", (/** @type {Removal} */ { paths }) => {
  clearTimeout(idle);
  /** @type {RemovalAnswer["failure"]} */
  let failure = null;
  for (const path of paths) {
    try {
      unlinkSync(path);
    } catch (error) {
      const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code !== "ENOENT") failure ??= { code, message };
    }
  }
  answer({ failure });
  idle = setTimeout(() => port.close(), idleMs);
});
