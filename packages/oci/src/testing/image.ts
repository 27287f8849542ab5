// Builds images that every client accepts (valid tar layers, a config with the right diff ids), as
// bytes.

import { gzipSync } from "node:zlib";
import type { Annotations } from "../model/descriptor.ts";
import type { Digest } from "../model/digest.ts";
import { computeDigest } from "../model/digest.ts";
import { mediaTypes } from "../model/media-types.ts";
import type { TarEntry } from "./tar.ts";
import { tarArchive } from "./tar.ts";

/** Bytes with the name and the media type under which a manifest lists them. */
export interface Content {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface TestLayer extends Content {
  /** The digest of the layer before compression, which the config lists. */
  readonly diffId: Digest;
}

export interface TestImage {
  readonly config: Content;
  readonly layers: readonly TestLayer[];
  readonly manifest: Content;
  readonly platform: TestPlatform;
}

export interface TestIndex {
  readonly images: readonly TestImage[];
  readonly manifest: Content;
}

export interface TestPlatform {
  readonly architecture: string;
  readonly os: string;
}

/** The bytes a descriptor needs to name them, as it stands in a manifest's JSON. */
export function descriptorOf(content: Content): {
  mediaType: string;
  digest: Digest;
  size: number;
} {
  return { mediaType: content.mediaType, digest: content.digest, size: content.bytes.length };
}

/** `gzipLevel` 0 stores, which suits bytes that do not shrink. */
export function buildLayer(entries: readonly TarEntry[], gzipLevel = 1): TestLayer {
  const tar = tarArchive(entries);
  const bytes = gzipSync(tar, { level: gzipLevel });
  return { ...content(mediaTypes.ociLayerGzip, bytes), diffId: computeDigest(tar) };
}

export interface ImageOptions {
  readonly platform?: TestPlatform;
  /** What a container runs. */
  readonly command?: readonly string[];
  readonly annotations?: Annotations;
}

export function buildImage(layers: readonly TestLayer[], options: ImageOptions = {}): TestImage {
  const platform = options.platform ?? { architecture: "amd64", os: "linux" };
  const config = jsonContent(mediaTypes.ociConfig, {
    created: "1970-01-01T00:00:00Z",
    ...platform,
    config: { Env: ["PATH=/bin"], Cmd: options.command ?? ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: "1970-01-01T00:00:00Z", created_by: "test" })),
  });
  const manifest = jsonContent(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
  });
  return { config, layers, manifest, platform };
}

export function buildIndex(images: readonly TestImage[]): TestIndex {
  const manifest = jsonContent(mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: images.map((image) => ({
      ...descriptorOf(image.manifest),
      platform: image.platform,
    })),
  });
  return { images, manifest };
}

/**
 * An artifact about another manifest: the empty config, one layer, a subject (OCI image-spec 1.1).
 */
export function buildArtifact(artifactType: string, layer: Content, subject: Content): TestImage {
  const config = jsonContent(mediaTypes.ociEmpty, {});
  const manifest = jsonContent(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: descriptorOf(config),
    layers: [descriptorOf(layer)],
    subject: descriptorOf(subject),
  });
  const layers = [{ ...layer, diffId: layer.digest }];
  return { config, layers, manifest, platform: { architecture: "amd64", os: "linux" } };
}

export function content(mediaType: string, bytes: Uint8Array): Content {
  return { mediaType, digest: computeDigest(bytes), bytes };
}

function jsonContent(mediaType: string, value: unknown): Content {
  return content(mediaType, Buffer.from(JSON.stringify(value)));
}
