// A terminal in memory: what a command is given, what it said, and a stop button.

import { EventEmitter, once } from "node:events";
import type { Terminal } from "../terminal.ts";

export interface TestTerminal extends Terminal {
  readonly output: () => string;
  readonly errors: () => string;
  readonly logs: () => string;
  /** Resolves once `part` was printed; at once if it was already. */
  printed(part: string): Promise<void>;
  stop(): void;
}

export interface TestTerminalOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export function createTestTerminal(options: TestTerminalOptions = {}): TestTerminal {
  const said = { out: "", err: "", log: "" };
  const stopping = new AbortController();
  const written = new EventEmitter();
  return {
    // A home without logins of docker and podman.
    environment: { HOME: "/nonexistent", ...options.environment },
    out: (text) => {
      said.out += text;
      written.emit("written");
    },
    err: (text) => {
      said.err += text;
    },
    readInput: async () => options.input ?? "",
    logStream: {
      write: (text) => {
        said.log += text;
      },
    },
    logIsRead: false,
    errorColumns: () => null,
    stopSignal: () => stopping.signal,
    onCrash: () => undefined,
    output: () => said.out,
    errors: () => said.err,
    logs: () => said.log,
    async printed(part) {
      while (!said.out.includes(part)) await once(written, "written");
    },
    stop: () => stopping.abort(),
  };
}
