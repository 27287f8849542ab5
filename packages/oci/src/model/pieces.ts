// How a blob is cut into pieces for transfer between peers. Every peer computes the same cut from
// the size alone, so the rule is part of the protocol and cannot change without a version.

import type { ByteRange } from "./range.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

export const pieceBytesMin = 64 * KiB;
export const pieceBytesMax = 4 * MiB;
const piecesAim = 400;

/**
 * Bytes of a piece (the last one may be shorter): the size over 400, rounded up to a multiple of 64
 * KiB, at most 4 MiB. Blobs of 25 MB to 1.6 GB get 200 to 400 pieces, enough for a swarm to stay
 * busy.
 */
export function pieceBytes(blobBytes: number): number {
  const wanted = Math.ceil(blobBytes / piecesAim / pieceBytesMin) * pieceBytesMin;
  return Math.min(Math.max(wanted, pieceBytesMin), pieceBytesMax);
}

/** A blob without bytes has no pieces. */
export function pieceCount(blobBytes: number): number {
  return Math.ceil(blobBytes / pieceBytes(blobBytes));
}

/** The bytes of the piece `index`, 0 ≤ index < pieceCount. */
export function pieceRange(blobBytes: number, index: number): ByteRange {
  const bytes = pieceBytes(blobBytes);
  const start = index * bytes;
  return { start, end: Math.min(start + bytes, blobBytes) };
}

/** The piece that holds the byte at `offset`. */
export function pieceIndexAt(blobBytes: number, offset: number): number {
  return Math.floor(offset / pieceBytes(blobBytes));
}
