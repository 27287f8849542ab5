// The images that clients push, as OCI layouts on disk. Each client gets its own, which nobody has
// pushed before: otherwise a client only finds that the registry has the blobs already.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestImage, TestIndex } from "@sampan/oci/testing";
import {
  buildImage,
  buildLayer,
  randomIndex,
  randomLayer,
  seededRandom,
  writeLayout,
} from "@sampan/oci/testing";

export interface ImageSet {
  /** Three layers, about 3 MB; runs `busybox sh`. */
  small(folder: string): Promise<Layout>;
  /** An index of two platforms. */
  multi(folder: string): Promise<Layout>;
  /** Five layers of together `largeMB`, one of which shrinks on the way. */
  large(folder: string): Promise<Layout>;
  readonly largeMB: number;
}

/** `oci:PATH:v1` in the words of most clients. */
export interface Layout {
  readonly path: string;
  readonly tag: string;
  /** Of the image's manifest or index, as it lies there. */
  readonly digest: string;
}

const KB = 1000;
const MB = 1000 * KB;
const busyboxPath = "/bin/busybox";
const applets = ["sh", "echo", "cat", "true", "ls"];

/** Equal seeds give equal images. */
export function createImageSet(seed: number, largeMB: number): ImageSet {
  const random = seededRandom(seed);
  return {
    small: async (folder) => {
      const layers = [
        await busyboxLayer(),
        randomLayer(random, { layerBytes: 600 * KB }),
        randomLayer(random, { layerBytes: 2 * MB, fill: "text" }),
      ];
      return await writeImage(folder, "small", buildImage(layers));
    },
    multi: async (folder) => {
      const index = randomIndex(random, 2, { layers: 2, layerBytes: 50 * KB });
      return await writeImage(folder, "multi", index);
    },
    large: async (folder) => {
      const part = (share: number) => Math.round(share * largeMB * MB);
      const layers = [0.1, 0.3, 0.2, 1 / 3].map((share) =>
        randomLayer(random, { layerBytes: part(share) }),
      );
      layers.push(randomLayer(random, { layerBytes: part(1 / 6), fill: "text" }));
      return await writeImage(folder, "large", buildImage(layers));
    },
    largeMB,
  };
}

async function writeImage(
  folder: string,
  name: string,
  image: TestImage | TestIndex,
): Promise<Layout> {
  const path = join(folder, name);
  await writeLayout(path, { v1: image });
  return { path, tag: "v1", digest: image.manifest.digest };
}

async function busyboxLayer() {
  const bytes = await readFile(busyboxPath);
  return buildLayer([
    { type: "folder", path: "bin" },
    { type: "file", path: "bin/busybox", bytes, mode: 0o755 },
    ...applets.map((name) => ({ type: "link" as const, path: `bin/${name}`, target: "busybox" })),
    { type: "folder", path: "etc" },
    { type: "folder", path: "tmp" },
  ]);
}
