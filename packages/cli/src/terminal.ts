// What a command sees of the process it runs in, so that tests can be that process.

import type { LogStream } from "@sampan/env/node";

export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard error: what went wrong. */
  err(text: string): void;
  /** Standard input to its end, at most `inputBytesMax`. */
  readInput(): Promise<string>;
  /** Where logs go: standard error itself where it is null. */
  readonly logStream: LogStream | null;
  /** Somebody reads the logs as they come: colours, one readable line per event. */
  readonly logIsRead: boolean;
  /** Characters in a line of the terminal that shows standard error; null: it is shown on none. */
  errorColumns(): number | null;
  /**
   * Aborted when the process is asked to stop. From then on a second request ends it at once.
   * `onHangUp`: SIGHUP asks for that instead; null: it asks to stop.
   */
  stopSignal(onHangUp?: (() => void) | null): AbortSignal;
  /** Calls `report` before an error that nobody caught ends the process with exit code 1. */
  onCrash(report: (error: unknown) => void): void;
}

export const inputBytesMax = 64 * 1024;
