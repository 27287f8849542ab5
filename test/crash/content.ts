// Bytes to push: cheap to make, never twice the same, many small and some large.

import { createHash } from "node:crypto";
import type { Random } from "@sampan/env";
import type { ManifestContent } from "./ledger.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const blobBytesMax = 8 * MiB;
const noiseBytes = blobBytesMax + MiB;

export interface BlobContent {
  readonly bytes: Buffer;
  readonly digest: string;
}

export interface ContentSource {
  blob(): BlobContent;
}

export const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";
const configMediaType = "application/vnd.oci.image.config.v1+json";
const layerMediaType = "application/vnd.oci.image.layer.v1.tar";

/**
 * A blob is a nonce and a piece of one pool of noise. Once they have `budgetBytes` together, all
 * are small: a long series must fit a disk.
 */
export function createContentSource(random: Random, budgetBytes: number): ContentSource {
  let left = budgetBytes;
  const noise = Buffer.from(random.bytes(noiseBytes));
  const make = (bytes: number): BlobContent => {
    left -= bytes;
    const start = random.int(noise.length - bytes + 1);
    const content = Buffer.from(noise.subarray(start, start + bytes));
    Buffer.from(random.bytes(Math.min(16, bytes))).copy(content);
    return { bytes: content, digest: digestOf(content) };
  };
  return { blob: () => make(left > 0 ? blobBytes(random) : 1 + random.int(KiB)) };
}

function blobBytes(random: Random): number {
  const draw = random.int(100);
  if (draw < 70) return 1 + random.int(16 * KiB);
  if (draw < 95) return 1 + random.int(512 * KiB);
  return 1 + random.int(blobBytesMax);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export interface Descriptor {
  readonly digest: string;
  readonly bytes: number;
}

export interface ImageContent extends ManifestContent {
  readonly bytes: Buffer;
}

export function imageOf(config: Descriptor, layers: readonly Descriptor[]): ImageContent {
  const describe = (mediaType: string, { digest, bytes }: Descriptor) => {
    return { mediaType, digest, size: bytes };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: describe(configMediaType, config),
    layers: layers.map((layer) => describe(layerMediaType, layer)),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const blobs = [config, ...layers].map((each) => each.digest);
  return { digest: digestOf(bytes), mediaType: manifestMediaType, blobs, bytes };
}
