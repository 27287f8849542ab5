// A log that is kept, so that a test can read it, and that tells the world of marks and of errors.

import { types } from "node:util";
import type { Log, LogFields } from "../env.ts";

export interface LogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

export interface LogSink {
  line(level: LogLine["level"], message: string, fields: LogFields): void;
  mark(name: string): void;
}

export function createSimulatedLog(sink: LogSink, common: LogFields = {}): Log {
  const at =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}): void =>
      sink.line(level, message, { ...common, ...fields });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    mark: (name) => sink.mark(name),
    with: (fields) => createSimulatedLog(sink, { ...common, ...fields }),
  };
}

/** One line of text that is the same whenever the run is: errors without stacks, maps in order. */
export function renderLine(line: LogLine): string {
  const words = Object.entries(line.fields).map(([name, value]) => `${name}=${renderValue(value)}`);
  const head = `${line.atMs.toFixed(3)} ${line.process} ${line.level} ${line.message}`;
  return [head, ...words].join(" ");
}

function renderValue(value: unknown): string {
  // Only its own process made it, so there is no other realm. The stack names paths: not in a trace.
  if (types.isNativeError(value)) return JSON.stringify(`${value.name}: ${value.message}`);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  try {
    return JSON.stringify(value, (_key, inner) =>
      typeof inner === "bigint" ? inner.toString() : inner,
    );
  } catch {
    return "[circular]";
  }
}
