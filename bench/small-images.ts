// Images of a few hundred bytes, each with a config and a layer of its own, pushed in three requests.

import { digestOf, manifestType } from "./push.ts";
import type { Client } from "./requests.ts";

export interface SmallImage {
  readonly blobs: readonly Buffer[];
  readonly manifest: Buffer;
}

/** Another image for each mark. */
export function smallImage(mark: string): SmallImage {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", author: mark }));
  const layer = Buffer.alloc(256, `layer of ${mark} `);
  const describe = (mediaType: string, bytes: Buffer) => {
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: describe("application/vnd.oci.image.config.v1+json", config),
    layers: [describe("application/vnd.oci.image.layer.v1.tar", layer)],
  };
  return { blobs: [config, layer], manifest: Buffer.from(JSON.stringify(manifest)) };
}

/** Its blobs one after the other, each in one request, then the manifest under all of the tags. */
export async function pushSmallImage(
  client: Client,
  repository: string,
  tags: readonly string[],
  image: SmallImage,
): Promise<void> {
  const octets = { "Content-Type": "application/octet-stream" };
  for (const body of image.blobs) {
    const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(body)}`;
    await client.send("POST", path, { headers: octets, body });
  }
  const names = tags.map((tag) => `tag=${tag}`).join("&");
  await client.send("PUT", `/v2/${repository}/manifests/${digestOf(image.manifest)}?${names}`, {
    headers: { "Content-Type": manifestType },
    body: image.manifest,
  });
}
