// The records a blob's pull reads: the blob (shared by all) and a repository's link to it.
//
//   blob        version ‖ state ‖ size:varint ‖ location:text
//   blob link   version ‖ state ‖ linkedMs:varint

import type { BlobLocation } from "../blobs/blobs.ts";
import { RecordReader, RecordWriter } from "./record-bytes.ts";
import type { RecordState } from "./record-state.ts";
import { readState, writeState } from "./record-state.ts";

const blobVersion = 1;
const blobLinkVersion = 1;

export interface BlobRecord {
  readonly state: RecordState;
  readonly bytes: number;
  readonly location: BlobLocation;
}

export interface BlobLinkRecord {
  readonly state: RecordState;
  readonly linkedMs: number;
}

export function encodeBlob(record: BlobRecord): Uint8Array {
  const writer = new RecordWriter(blobVersion);
  writeState(writer, record.state);
  writer.varint(record.bytes);
  writer.text(record.location);
  return writer.finish();
}

/** Hot path. */
export function decodeBlob(bytes: Uint8Array): BlobRecord {
  const reader = new RecordReader(bytes, blobVersion);
  const state = readState(reader);
  const size = reader.varint();
  return { state, bytes: size, location: reader.text() as BlobLocation };
}

export function encodeBlobLink(record: BlobLinkRecord): Uint8Array {
  const writer = new RecordWriter(blobLinkVersion);
  writeState(writer, record.state);
  writer.varint(record.linkedMs);
  return writer.finish();
}

/** Hot path. */
export function decodeBlobLink(bytes: Uint8Array): BlobLinkRecord {
  const reader = new RecordReader(bytes, blobLinkVersion);
  return { state: readState(reader), linkedMs: reader.varint() };
}
