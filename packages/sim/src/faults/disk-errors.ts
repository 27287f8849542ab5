// What a store may throw for the disk's sake while faults strike. All else that is thrown is for
// the report: data that are `corrupt` are what the faults must never leave behind.

import { IoError } from "@sampan/env";

const codes: ReadonlySet<string> = new Set(["io", "disk-full", "busy", "closed"]);

export function isDiskError(error: unknown): error is IoError {
  return error instanceof IoError && codes.has(error.code);
}

/** Lines at level error that such an error explains; whose fault a line is says its message. */
export const diskErrorLines =
  /a write failed|no space is left|memory engine: |writes are refused|may be lost|no timestamp is left/;
