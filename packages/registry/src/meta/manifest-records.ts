// The records a pull reads: tag and manifest link. Below 255 bytes a cluster keeps a value beside
// its commit record, so that reading it is one seek.
//
//   tag             version ‖ digest ‖ media ‖ size:varint ‖ pushedMs:varint
//   manifest link   version ‖ media ‖ size:varint ‖ pushedMs:varint ‖ totalBytes:varint ‖
//                   artifactType:text (may be empty)

import type { Digest } from "@sampan/oci/model";
import { RecordReader, RecordWriter } from "./record-bytes.ts";

const tagVersion = 1;
const manifestVersion = 1;

export interface TagRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: number;
  readonly pushedMs: number;
}

export interface ManifestRecord {
  readonly mediaType: string;
  readonly bytes: number;
  readonly pushedMs: number;
  /** The manifest with all it names: config and layers, or children with theirs. */
  readonly totalBytes: number;
  /** An image's own, or its config's media type; null for an index without one. */
  readonly artifactType: string | null;
}

export function encodeTag(record: TagRecord): Uint8Array {
  const writer = new RecordWriter(tagVersion);
  writer.digest(record.digest);
  writer.media(record.mediaType);
  writer.varint(record.bytes);
  writer.varint(record.pushedMs);
  return writer.finish();
}

/** Hot path. */
export function decodeTag(bytes: Uint8Array): TagRecord {
  const reader = new RecordReader(bytes, tagVersion);
  return {
    digest: reader.digest(),
    mediaType: reader.media(),
    bytes: reader.varint(),
    pushedMs: reader.varint(),
  };
}

export function encodeManifest(record: ManifestRecord): Uint8Array {
  const writer = new RecordWriter(manifestVersion);
  writer.media(record.mediaType);
  writer.varint(record.bytes);
  writer.varint(record.pushedMs);
  writer.varint(record.totalBytes);
  writer.text(record.artifactType ?? "");
  return writer.finish();
}

/** Hot path. */
export function decodeManifest(bytes: Uint8Array): ManifestRecord {
  const reader = new RecordReader(bytes, manifestVersion);
  const mediaType = reader.media();
  const size = reader.varint();
  const pushedMs = reader.varint();
  const totalBytes = reader.varint();
  const artifactType = reader.text();
  return { mediaType, bytes: size, pushedMs, totalBytes, artifactType: artifactType || null };
}
