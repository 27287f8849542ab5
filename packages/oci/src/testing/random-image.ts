// Images that nobody has seen before, equal for equal seeds.

import type { TestImage, TestIndex, TestLayer, TestPlatform } from "./image.ts";
import { buildImage, buildIndex, buildLayer } from "./image.ts";
import type { RandomSource } from "./seeded-random.ts";

export interface RandomImageOptions {
  readonly layers: number;
  /**
   * Bytes of the one file in each layer; the layer is a little larger, or smaller when it shrinks.
   */
  readonly layerBytes: number;
  /**
   * `text` shrinks to about a fifth as real layers may, `random` does not shrink. Default `random`.
   */
  readonly fill?: "random" | "text";
  readonly platform?: TestPlatform;
}

export function randomImage(random: RandomSource, options: RandomImageOptions): TestImage {
  const layers = Array.from({ length: options.layers }, () => randomLayer(random, options));
  const { platform } = options;
  return buildImage(layers, platform === undefined ? {} : { platform });
}

export function randomLayer(
  random: RandomSource,
  options: Pick<RandomImageOptions, "layerBytes" | "fill">,
): TestLayer {
  const path = `data-${Buffer.from(random.bytes(8)).toString("hex")}`;
  const text = options.fill === "text";
  const bytes = text ? randomText(random, options.layerBytes) : random.bytes(options.layerBytes);
  return buildLayer([{ type: "file", path, bytes }], text ? 1 : 0);
}

const architectures = ["amd64", "arm64", "riscv64", "s390x", "ppc64le"] as const;

/** An index of `count` images, each of another platform (at most five). */
export function randomIndex(
  random: RandomSource,
  count: number,
  options: RandomImageOptions,
): TestIndex {
  const images = architectures
    .slice(0, count)
    .map((architecture) =>
      randomImage(random, { ...options, platform: { architecture, os: "linux" } }),
    );
  return buildIndex(images);
}

const wordCount = 256;

/** Words out of a small vocabulary. */
function randomText(random: RandomSource, count: number): Uint8Array {
  const words = Array.from({ length: wordCount }, () => {
    return Buffer.from(`${Buffer.from(random.bytes(2 + random.int(5))).toString("hex")} `);
  });
  const picks = random.bytes(count);
  const bytes = Buffer.alloc(count);
  let offset = 0;
  for (let pick = 0; offset < count; pick++) {
    const word = words[picks[pick] ?? 0];
    if (word !== undefined) offset += word.copy(bytes, offset);
  }
  return bytes;
}
