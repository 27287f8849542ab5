// Writes images as an OCI image layout (image-spec, image-layout.md), the folder that clients push
// from.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestAlgorithm, digestHex } from "../model/digest.ts";
import { mediaTypes } from "../model/media-types.ts";
import type { Content, TestImage, TestIndex } from "./image.ts";
import { descriptorOf } from "./image.ts";

export type NamedImages = Readonly<Record<string, TestImage | TestIndex>>;

/** The folder is created; each image is found under its name (`oci:folder:name`). */
export async function writeLayout(folder: string, images: NamedImages): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const image of Object.values(images)) {
    for (const content of contentsOf(image)) await writeBlob(folder, content);
  }
  await writeFile(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const manifests = Object.entries(images).map(([name, image]) => ({
    ...descriptorOf(image.manifest),
    annotations: { "org.opencontainers.image.ref.name": name },
  }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  await writeFile(join(folder, "index.json"), JSON.stringify(index));
}

/** Everything the image consists of, in an order in which a registry takes it. */
export function contentsOf(image: TestImage | TestIndex): Content[] {
  if ("images" in image) return [...image.images.flatMap(contentsOf), image.manifest];
  return [...image.layers, image.config, image.manifest];
}

async function writeBlob(folder: string, content: Content): Promise<void> {
  const blobs = join(folder, "blobs", digestAlgorithm(content.digest));
  await mkdir(blobs, { recursive: true });
  await writeFile(join(blobs, digestHex(content.digest)), content.bytes);
}
