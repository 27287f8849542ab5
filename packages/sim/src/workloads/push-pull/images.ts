// Images made from chance: a config of its own for each, layers that images share.

import type { Random } from "@sampan/env";
import { computeDigest, type Digest } from "@sampan/oci/model";

export interface Content {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

export interface Image {
  readonly config: Content;
  readonly layers: readonly Content[];
  readonly manifest: Content;
}

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
const layersMax = 3;
const poolLayers = 12;
const layerBytesMax = 60_000;

export class ImageMaker {
  readonly #layers: readonly Content[];
  #count = 0;

  constructor(random: Random) {
    this.#layers = Array.from({ length: poolLayers }, () =>
      contentOf(Buffer.from(random.bytes(1 + random.int(layerBytesMax)))),
    );
  }

  make(random: Random): Image {
    this.#count += 1;
    const config = contentOf(Buffer.from(JSON.stringify({ image: this.#count })));
    const layers = Array.from(
      { length: 1 + random.int(layersMax) },
      () => this.#layers[random.int(poolLayers)] ?? config,
    );
    return imageOf(config, layers, {});
  }
}

/** Another manifest of the same blobs. */
export function siblingOf({ config, layers }: Image): Image {
  return imageOf(config, layers, { annotations: { sibling: "yes" } });
}

function imageOf(config: Content, layers: readonly Content[], more: object): Image {
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptorOf(configType, config),
    layers: layers.map((layer) => descriptorOf(layerType, layer)),
    ...more,
  };
  return { config, layers, manifest: contentOf(Buffer.from(JSON.stringify(manifest))) };
}

export function contentOf(bytes: Buffer): Content {
  return { digest: computeDigest(bytes), bytes };
}

function descriptorOf(mediaType: string, { digest, bytes }: Content) {
  return { mediaType, digest, size: bytes.byteLength };
}
