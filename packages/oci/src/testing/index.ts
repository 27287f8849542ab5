// Images for tests and benches, deterministic by seed. Imports nothing but Node and the model.

export type {
  Content,
  ImageOptions,
  TestImage,
  TestIndex,
  TestLayer,
  TestPlatform,
} from "./image.ts";
export {
  buildArtifact,
  buildImage,
  buildIndex,
  buildLayer,
  content,
  descriptorOf,
} from "./image.ts";
export type { NamedImages } from "./layout.ts";
export { contentsOf, writeLayout } from "./layout.ts";
export type { RandomImageOptions } from "./random-image.ts";
export { randomImage, randomIndex, randomLayer } from "./random-image.ts";
export type { RandomSource } from "./seeded-random.ts";
export { seededRandom } from "./seeded-random.ts";
export type { TarEntry } from "./tar.ts";
export { tarArchive } from "./tar.ts";
