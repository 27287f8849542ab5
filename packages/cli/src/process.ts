// The real process around the command line. bin/sampan.cjs imports this file to run it.

import { main } from "./main.ts";
import { inputBytesMax, type Terminal } from "./terminal.ts";

/** Ctrl-C reaches a child of npm twice: from the terminal, and passed on by its parent. */
const sameSignalMs = 1000;
/** How long a server may outlive the npm that started it. */
const parentWatchMs = 250;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has seen enough (`sampan project list | head`).
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
// What is still on the event loop (idle workers, connections kept alive) has no work left to do.
process.exit(await main(process.argv.slice(2), createTerminal()));

function createTerminal(): Terminal {
  return {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readInput,
    logStream: null,
    logIsRead: process.stderr.isTTY,
    errorColumns: () => (process.stderr.isTTY ? process.stderr.columns : null),
    stopSignal,
    onCrash(report) {
      process.on("uncaughtException", (error) => {
        report(error);
        process.exit(1);
      });
    },
  };
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > inputBytesMax) break;
  }
  return Buffer.concat(chunks).toString();
}

function stopSignal(onHangUp: (() => void) | null = null): AbortSignal {
  const stopping = new AbortController();
  let firstAt = Number.NaN;
  for (const [name, number] of [
    ["SIGHUP", 1],
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(name, () => {
      if (name === "SIGHUP" && onHangUp !== null) return onHangUp();
      const now = performance.now();
      if (!stopping.signal.aborted) firstAt = now;
      else if (now - firstAt > sameSignalMs) process.exit(128 + number);
      stopping.abort(name);
    });
  }
  stopWithNpm(() => stopping.abort("npm ended"));
  return stopping.signal;
}

/** npm and npx die of a signal without passing it on; whoever stopped them meant the server. */
function stopWithNpm(stop: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, parentWatchMs);
  watch.unref();
}
