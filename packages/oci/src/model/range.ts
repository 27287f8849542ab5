// Byte ranges on the wire: a download's `Range` and `Content-Range` (RFC 9110, section 14) and the
// upload's own dialect of both (OCI distribution-spec, "Pushing a blob in chunks"). Inside the
// system a range is half open, [start, end); on the wire the last byte is named. Only these
// functions convert.

import type { Result } from "./result.ts";
import { err, ok } from "./result.ts";

export interface ByteRange {
  readonly start: number;
  /** One behind the last byte. */
  readonly end: number;
}

export type RangeRequest =
  /** No range, or one that section 14.2 lets us ignore: several ranges, another unit, no range. */
  | { readonly type: "whole" }
  | { readonly type: "partial"; readonly range: ByteRange }
  /** Answer 416 with `formatUnsatisfiedRange`. */
  | { readonly type: "unsatisfiable" };

const headerCharsMax = 128;

/** `header` is the request's `Range`, `size` the length of the content in bytes. */
export function parseRange(header: string | undefined, size: number): RangeRequest {
  if (header === undefined || header.length > headerCharsMax) return { type: "whole" };
  const match = /^bytes=\s*([0-9]*)\s*-\s*([0-9]*)\s*$/i.exec(header);
  const [, first = "", last = ""] = match ?? [];
  if (first === "" && last === "") return { type: "whole" };
  if (first === "") return suffixRange(Number(last), size);
  const start = Number(first);
  const lastByte = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  // Backwards, which 14.2 lets a server reject: whoever computed it would not want the whole.
  if (last !== "" && Number(last) < start) return { type: "unsatisfiable" };
  if (start >= size) return { type: "unsatisfiable" };
  return { type: "partial", range: { start, end: lastByte + 1 } };
}

/** The value for 206. */
export function formatContentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** The value for 416. */
export function formatUnsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}

/** The `Content-Range` of a 206; `size` is null where the server does not know it (`*`). */
export function parseContentRange(
  header: string,
): Result<ByteRange & { readonly size: number | null }, "content-range-invalid"> {
  const match = /^bytes ([0-9]{1,16})-([0-9]{1,16})\/([0-9]{1,16}|\*)$/i.exec(header);
  if (match === null) return err("content-range-invalid");
  const range = closedRange(match[1], match[2]);
  if (range === null) return err("content-range-invalid");
  const size = match[3] === "*" ? null : Number(match[3]);
  if (size !== null && (!Number.isSafeInteger(size) || range.end > size)) {
    return err("content-range-invalid");
  }
  return ok({ ...range, size });
}

/**
 * The `Content-Range: start-last` of a chunk; `bytes start-last/size`, which some send, is read
 * too.
 */
export function parseChunkRange(header: string): Result<ByteRange, "content-range-invalid"> {
  const match = /^(?:bytes[ =])?([0-9]{1,16})-([0-9]{1,16})(?:\/(?:[0-9]{1,16}|\*))?$/i.exec(
    header,
  );
  const range = match === null ? null : closedRange(match[1], match[2]);
  return range === null ? err("content-range-invalid") : ok(range);
}

/** The `Content-Range` of a chunk that is not empty. */
export function formatChunkRange(range: ByteRange): string {
  return `${range.start}-${range.end - 1}`;
}

/**
 * The `Range` with which an upload says how far it is. Nothing stored is `0-0`, as from every
 * registry since distribution: the dialect cannot tell it from one byte.
 */
export function formatUploadRange(bytes: number): string {
  return `0-${Math.max(bytes - 1, 0)}`;
}

/** Bytes stored according to an upload's `Range`; `0-0` is taken for none. */
export function parseUploadRange(header: string): Result<number, "content-range-invalid"> {
  const range = parseChunkRange(header);
  if (!range.ok) return range;
  if (range.value.start !== 0) return err("content-range-invalid");
  return ok(range.value.end === 1 ? 0 : range.value.end);
}

// The last `count` bytes; more than there are means all, none at all cannot be satisfied.
function suffixRange(count: number, size: number): RangeRequest {
  if (count === 0 || size === 0) return { type: "unsatisfiable" };
  return { type: "partial", range: { start: Math.max(size - count, 0), end: size } };
}

function closedRange(first: string | undefined, last: string | undefined): ByteRange | null {
  const start = Number(first);
  const end = Number(last) + 1;
  return Number.isSafeInteger(end) && start < end ? { start, end } : null;
}
