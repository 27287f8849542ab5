// Structured lines through pino: JSON for machines, one readable line per event for a terminal.
// Lines are written synchronously, so that the last words before an exit or a crash are not lost.

import pino from "pino";
import { prettyFactory } from "pino-pretty";
import type { Log, LogFields } from "../env.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFormat = "pretty" | "json";

/** Where whole lines go, each with its line feed. */
export interface LogStream {
  write(text: string): unknown;
}

export interface NodeLogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Standard error when not given: standard output belongs to what commands print. */
  readonly stream?: LogStream;
  /** Colours in the pretty format; false when not given. */
  readonly color?: boolean;
}

/** The second line of defence: secrets have no business in a field, these names least of all. */
const redactedFields = ["authorization", "password", "secret", "token"];

const standardErrorFd = 2;

export function createNodeLog(
  service: string,
  options: NodeLogOptions,
): { readonly log: Log; flush(): void } {
  const standardError =
    options.stream === undefined ? pino.destination({ fd: standardErrorFd, sync: true }) : null;
  const lines = options.stream ?? standardError ?? { write: () => undefined };
  const logger = pino(
    {
      level: options.level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: redactedFields, censor: "[redacted]" },
    },
    options.format === "json" ? lines : prettyLines(lines, options.color ?? false),
  );
  return { log: wrap(logger), flush: () => standardError?.flushSync() };
}

/** `12:03:04.123 INFO: message key=value key="two words"`: one line per event, whatever it holds. */
function prettyLines(lines: LogStream, color: boolean): LogStream {
  const render = prettyFactory({
    colorize: color,
    colorizeObjects: false,
    translateTime: "SYS:HH:MM:ss.l",
    hideObject: true,
    // What pino-pretty would set apart in front of the message; our fields follow it, all alike.
    ignore: "name,pid,hostname,caller",
    messageFormat: prettyMessage,
    errorLikeObjectKeys: [],
  });
  return { write: (line) => lines.write(render(line)) };
}

const envelopeFields = new Set(["level", "time", "service", "msg"]);

function prettyMessage(line: Record<string, unknown>, messageKey: string): string {
  const fields = Object.entries(line).filter(([name]) => !envelopeFields.has(name));
  const words = fields.map(([name, value]) => `${name}=${prettyValue(value)}`);
  return [String(line[messageKey]), ...words].join(" ");
}

function prettyValue(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (isSerializedError(value)) return JSON.stringify(errorChain(value));
  return JSON.stringify(value);
}

interface SerializedError {
  readonly message: string;
  readonly stack: string;
  readonly cause?: unknown;
}

function isSerializedError(value: unknown): value is SerializedError {
  return typeof value === "object" && value !== null && "message" in value && "stack" in value;
}

/** The messages from the outermost to the first cause; the stacks are in the JSON format. */
function errorChain(error: SerializedError): string {
  return isSerializedError(error.cause)
    ? `${error.message}: ${errorChain(error.cause)}`
    : error.message;
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    mark: (name) => logger.debug({ mark: true }, name),
    with: (fields: LogFields) => wrap(logger.child(fields)),
  };
}
