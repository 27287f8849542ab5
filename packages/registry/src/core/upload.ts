// What an upload does with a request's claims: where a chunk goes, when it is refused, when an
// upload counts as abandoned. The /v2/ face asks before it takes a byte and again after the last
// one. The dialect is that of the OCI distribution-spec, "Pushing a blob in chunks".

import { type DistributionError, parseChunkRange } from "@sampan/oci/model";

/** A blob larger than this is refused; it also bounds what one upload can do to a disk. Bytes. */
export const blobBytesMax = 1024 ** 4;

/**
 * What a client ought to send at once in a chunk that is not the last. We take less, too. Bytes.
 */
export const chunkBytesMin = 64 * 1024;

export interface ChunkOffer {
  /** The request's headers; null where there is none. */
  readonly contentRange: string | null;
  /** Null: the body is chunked, its length is not known. */
  readonly contentLength: number | null;
  /** Bytes that the upload holds already. */
  readonly stored: number;
}

export type ChunkDecision =
  | {
      readonly type: "accept";
      /** Bytes the body must have; null: any number. */
      readonly bytesExpected: number | null;
      /** Bytes the body may have. */
      readonly bytesMax: number;
    }
  | ChunkRefusal;

export interface ChunkRefusal {
  readonly type: "refuse";
  readonly error: DistributionError;
  readonly message: string;
}

export function decideChunk(offer: ChunkOffer): ChunkDecision {
  const room = blobBytesMax - offer.stored;
  const { contentRange, contentLength } = offer;
  const range = contentRange === null ? null : parseChunkRange(contentRange);
  if (range !== null && !range.ok) {
    return refuse("upload-invalid", "Content-Range is not of the form <first>-<last>");
  }
  if (range !== null && range.value.start !== offer.stored) {
    return refuse(
      "chunk-out-of-order",
      `chunk starts at ${range.value.start}, the upload holds ${offer.stored} bytes`,
    );
  }
  const ranged = range === null ? null : range.value.end - range.value.start;
  if (ranged !== null && contentLength !== null && ranged !== contentLength) {
    return refuse(
      "size-invalid",
      `Content-Range says ${ranged} bytes, Content-Length ${contentLength}`,
    );
  }
  const bytesExpected = ranged ?? contentLength;
  if ((bytesExpected ?? 0) > room) return tooLarge();
  // A chunked body could go on behind its range: what is beyond must not be stored.
  return { type: "accept", bytesExpected, bytesMax: bytesExpected ?? room };
}

/** After the body: null, or what is wrong with what came. */
export function decideReceived(
  bytesExpected: number | null,
  bytesReceived: number,
): ChunkRefusal | null {
  if (bytesExpected === null || bytesExpected === bytesReceived) return null;
  return refuse("size-invalid", `${bytesExpected} bytes were announced, ${bytesReceived} came`);
}

/** More came than the decision's `bytesMax`; `bytesExpected` is the decision's, too. */
export function decideTooMuch(bytesExpected: number | null): ChunkRefusal {
  if (bytesExpected === null) return tooLarge();
  return refuse("size-invalid", `${bytesExpected} bytes were announced, more came`);
}

function tooLarge(): ChunkRefusal {
  return refuse("size-invalid", `a blob may have ${blobBytesMax} bytes at most`);
}

export interface UploadAge {
  /** Wall clock, milliseconds since the epoch. */
  readonly startedMs: number;
  /** When the last byte came; null: its bytes are gone. */
  readonly modifiedMs: number | null;
}

/**
 * An upload is abandoned when nothing came for `expiryMs`. A clock that jumped back only delays it.
 */
export function isAbandoned(age: UploadAge, nowMs: number, expiryMs: number): boolean {
  return nowMs - Math.max(age.startedMs, age.modifiedMs ?? 0) > expiryMs;
}

function refuse(error: DistributionError, message: string): ChunkRefusal {
  return { type: "refuse", error, message };
}
