// Manifest content and outlines, both shared by all repositories that link the manifest.
//
//   content   version ‖ state ‖ form ‖ bytes of the manifest (form 0) | location (form 1)
//   outline   version ‖ subject? ‖ entries (how, digest), what the manifest names

import type { Digest, Manifest } from "@sampan/oci/model";
import { requiredBlobs, requiredManifests } from "@sampan/oci/model";
import type { BlobLocation } from "../blobs/blobs.ts";
import type { ManifestContent } from "./manifests.ts";
import { RecordReader, RecordWriter } from "./record-bytes.ts";
import type { RecordState } from "./record-state.ts";
import { readState, writeState } from "./record-state.ts";

const contentVersion = 1;
const outlineVersion = 1;

const formInline = 0;
const formLocation = 1;

export interface ContentRecord {
  readonly state: RecordState;
  readonly content: ManifestContent;
}

export function encodeContent(record: ContentRecord): Uint8Array {
  const writer = new RecordWriter(contentVersion);
  writeState(writer, record.state);
  if (record.content.type === "inline") {
    writer.u8(formInline);
    writer.raw(record.content.bytes);
  } else {
    writer.u8(formLocation);
    writer.text(record.content.location);
  }
  return writer.finish();
}

/** The bytes are a view of `bytes`. Hot path. */
export function decodeContent(bytes: Uint8Array): ContentRecord {
  const reader = new RecordReader(bytes, contentVersion);
  const state = readState(reader);
  const content: ManifestContent =
    reader.u8() === formInline
      ? { type: "inline", bytes: reader.rest() }
      : { type: "location", location: reader.text() as BlobLocation };
  return { state, content };
}

/** What a manifest names, without looking at its bytes again. */
export interface Outline {
  readonly subject: Digest | null;
  /** Config and layers, each once; foreign layers are not among them. */
  readonly blobs: readonly Digest[];
  /** Children of an index, each once. */
  readonly children: readonly Digest[];
}

export function outlineOf(manifest: Manifest): Outline {
  return {
    subject: manifest.subject?.digest ?? null,
    blobs: [...new Set(requiredBlobs(manifest).map((descriptor) => descriptor.digest))],
    children: [...new Set(requiredManifests(manifest).map((descriptor) => descriptor.digest))],
  };
}

export function encodeOutline(outline: Outline): Uint8Array {
  const writer = new RecordWriter(outlineVersion);
  writer.u8(outline.subject === null ? 0 : 1);
  if (outline.subject !== null) writer.digest(outline.subject);
  writer.varint(outline.blobs.length);
  for (const digest of outline.blobs) writer.digest(digest);
  writer.varint(outline.children.length);
  for (const digest of outline.children) writer.digest(digest);
  return writer.finish();
}

export function decodeOutline(bytes: Uint8Array): Outline {
  const reader = new RecordReader(bytes, outlineVersion);
  const subject = reader.u8() === 1 ? reader.digest() : null;
  const blobs = readDigests(reader);
  return { subject, blobs, children: readDigests(reader) };
}

function readDigests(reader: RecordReader): Digest[] {
  return Array.from({ length: reader.varint() }, () => reader.digest());
}
