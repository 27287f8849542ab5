// The note of an upload that is not complete yet: an object beside the blob's own that says which
// parts are in S3 and holds the bytes behind them, which are too few to be a part. What the note
// says is what was acknowledged; parts that came later are written again. Pure.
//
//   {"format":1,"uploadId":"…","parts":[{"bytes":5242880,"etag":"\"…\""}],"tail":3}\n
//   the three bytes of the tail

import { IoError } from "@sampan/env";

export interface StoredPart {
  readonly bytes: number;
  /** As S3 gave it, quotes included: it wants it back like that. */
  readonly etag: string;
}

export interface UploadNote {
  /** S3's name of the multipart upload; null: there is none, all bytes are in the tail. */
  readonly uploadId: string | null;
  readonly parts: readonly StoredPart[];
  readonly tail: Uint8Array;
}

const formatVersion = 1;
const newline = 10;

export function noteBytes({ parts, tail }: UploadNote): number {
  return parts.reduce((sum, part) => sum + part.bytes, tail.byteLength);
}

export function encodeNote({ uploadId, parts, tail }: UploadNote): Buffer {
  const head = { format: formatVersion, uploadId, parts, tail: tail.byteLength };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), tail]);
}

/** Throws `IoError` `corrupt`. */
export function parseNote(bytes: Buffer): UploadNote {
  const end = bytes.indexOf(newline);
  const head = end === -1 ? null : parseJson(bytes.toString("utf8", 0, end));
  if (head === null) throw damaged("its first line is no JSON object");
  const { format, uploadId, parts, tail } = head;
  if (format !== formatVersion) throw damaged(`its format is ${String(format)}`);
  if (uploadId !== null && typeof uploadId !== "string") throw damaged("it names no upload");
  if (!Array.isArray(parts) || !parts.every(isPart)) throw damaged("its parts are none");
  if (uploadId === null && parts.length > 0) throw damaged("it has parts of no upload");
  if (tail !== bytes.byteLength - end - 1) throw damaged("its tail has another length");
  return { uploadId, parts, tail: bytes.subarray(end + 1) };
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function isPart(value: unknown): value is StoredPart {
  if (typeof value !== "object" || value === null) return false;
  if (!("bytes" in value) || !("etag" in value)) return false;
  const { bytes, etag } = value;
  return Number.isSafeInteger(bytes) && Number(bytes) > 0 && typeof etag === "string";
}

function damaged(why: string): IoError {
  return new IoError("corrupt", `the note of an upload in S3 is damaged: ${why}`);
}
