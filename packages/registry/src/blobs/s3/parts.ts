// How large the parts of a multipart upload are. S3 wants 5 MiB at least of all parts but the last,
// and at most 10,000 of them. Small parts cost little memory, so the first ones are as small as
// they may be; nobody knows how long an upload will be, so they grow as it goes on. Pure.

const MiB = 1024 * 1024;

/** S3 refuses smaller parts, the last excepted (EntityTooSmall). */
export const partBytesMin = 5 * MiB;
/** S3 numbers parts from 1 to 10,000. */
export const partsMax = 10_000;
/** Services that want all parts but the last alike (R2) take uploads of this many. */
const partsPerSize = 1_000;
const partBytesMax = 80 * MiB;
/** Bytes of one upload on their way to S3 at once; one part may go whatever its size. */
const bytesOnTheWayMax = 20 * MiB;

/** Bytes of the part with this number, counted from 1: 5 MiB, doubled after each 1,000 parts. */
export function partBytes(number: number): number {
  const doublings = Math.floor((number - 1) / partsPerSize);
  return Math.min(partBytesMin * 2 ** doublings, partBytesMax);
}

/** Parts of one upload that may be on their way at once when the next has this number. */
export function partsOnTheWayMax(number: number): number {
  return Math.max(1, Math.floor(bytesOnTheWayMax / partBytes(number)));
}
