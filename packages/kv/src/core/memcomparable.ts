// Bytes encoded so that they still sort by their order when something is appended to them, as TiKV
// and MyRocks encode keys:
//
//   encoded   group+, the last one with a marker below 0xff
//   group     8 bytes, padded at the end with 0 | marker (0xff − count of padding bytes)
//
//   ""        00 00 00 00 00 00 00 00 f7
//   "abc"     61 62 63 00 00 00 00 00 fa
//   8 bytes   …8 bytes… ff  00 00 00 00 00 00 00 00 f7

import { err, ok, type Result } from "./result.ts";

const groupBytes = 8;
const encodedGroupBytes = groupBytes + 1;
const markerFull = 0xff;

export type MemcomparableError =
  /** The bytes end before a group with padding came. */
  | "cut-short"
  /** A marker that no count of padding bytes gives. */
  | "bad-marker"
  /** A padding byte that is not 0: two encodings of one key would exist. */
  | "bad-padding";

/** Size in bytes of the encoded form of `length` bytes. */
export function encodedBytes(length: number): number {
  return (Math.floor(length / groupBytes) + 1) * encodedGroupBytes;
}

export function encodeBytes(bytes: Uint8Array): Buffer {
  const encoded = Buffer.allocUnsafe(encodedBytes(bytes.length));
  writeEncoded(encoded, 0, bytes);
  return encoded;
}

/** Writes the encoded form at `offset`, where there is room; answers the offset behind it. */
export function writeEncoded(target: Buffer, offset: number, bytes: Uint8Array): number {
  let at = offset;
  for (let from = 0; from <= bytes.length; from += groupBytes) {
    const used = Math.min(groupBytes, bytes.length - from);
    target.set(bytes.subarray(from, from + used), at);
    target.fill(0, at + used, at + groupBytes);
    target[at + groupBytes] = markerFull - (groupBytes - used);
    at += encodedGroupBytes;
  }
  return at;
}

/** Where the encoded bytes that start at `offset` end, without decoding them; null: they do not. */
export function encodedEnd(encoded: Uint8Array, offset: number): number | null {
  for (let at = offset; at + groupBytes < encoded.length; at += encodedGroupBytes) {
    if (encoded[at + groupBytes] !== markerFull) return at + encodedGroupBytes;
  }
  return null;
}

/** Decodes what starts at `offset`; what follows its end is not looked at. */
export function decodeBytes(
  encoded: Uint8Array,
  offset: number,
): Result<Buffer, MemcomparableError> {
  const end = encodedEnd(encoded, offset);
  if (end === null) return err("cut-short");
  const padding = markerFull - (encoded[end - 1] ?? markerFull);
  if (padding > groupBytes) return err("bad-marker");
  for (let at = end - 1 - padding; at < end - 1; at++) {
    if (encoded[at] !== 0) return err("bad-padding");
  }
  return ok(copyGroups(encoded, offset, { end, padding }));
}

function copyGroups(
  encoded: Uint8Array,
  offset: number,
  last: { readonly end: number; readonly padding: number },
): Buffer {
  const groups = (last.end - offset) / encodedGroupBytes;
  const decoded = Buffer.allocUnsafe(groups * groupBytes - last.padding);
  let to = 0;
  for (let at = offset; at < last.end; at += encodedGroupBytes) {
    const used = Math.min(groupBytes, decoded.length - to);
    for (let byte = 0; byte < used; byte++) decoded[to + byte] = encoded[at + byte] ?? 0;
    to += used;
  }
  return decoded;
}
