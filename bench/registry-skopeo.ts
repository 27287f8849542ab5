// A push by a client that people use: what it costs the server when skopeo brings an image of 286 MB.

import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import {
  buildImage,
  content,
  randomImage,
  seededRandom,
  type TestImage,
  writeLayout,
} from "@sampan/oci/testing";
import { hasProgram } from "./process.ts";
import type { Work } from "./registry-works.ts";

const run = promisify(execFile);

const layersCount = 3;
const layerBytes = 95_333_333;
/** Where a gzip header keeps its time (RFC 1952, section 2.3), which nobody looks at. */
const gzipTimeAt = 4;

export function skopeoMissing(): string | null {
  return hasProgram("skopeo") ? null : "skopeo is missing: apt-get install skopeo";
}

/** Bytes that do not shrink; of each push they differ, so that nobody has a layer already. */
export function skopeoPushWork(directory: string): Work {
  const layout = join(directory, "image");
  let image: TestImage | null = null;
  let pushes = 0;
  return {
    name: "push of 286 MB in three layers, by skopeo",
    figures: { "CPU s of the server": "less", "MB/s": "more" },
    bars: { "CPU s of the server": 2 },
    round: async (server) => {
      image ??= randomImage(seededRandom(1), { layers: layersCount, layerBytes });
      pushes += 1;
      image = restamped(image, pushes);
      rmSync(layout, { recursive: true, force: true });
      await writeLayout(layout, { v1: image });
      const to = `docker://${new URL(server.url).host}/library/bench-skopeo:v${pushes}`;
      const before = server.cpuSeconds();
      const started = performance.now();
      await run("skopeo", ["copy", "-q", "--dest-tls-verify=false", `oci:${layout}:v1`, to]);
      const seconds = (performance.now() - started) / 1000;
      const megabytes = (layersCount * layerBytes) / 1e6;
      return {
        "CPU s of the server": server.cpuSeconds() - before,
        "MB/s": megabytes / seconds,
      };
    },
  };
}

function restamped(image: TestImage, stamp: number): TestImage {
  const layers = image.layers.map((layer) => {
    const bytes = Buffer.from(layer.bytes.buffer, layer.bytes.byteOffset, layer.bytes.length);
    bytes.writeUInt32LE(stamp, gzipTimeAt);
    return { ...layer, ...content(layer.mediaType, bytes) };
  });
  return buildImage(layers);
}
