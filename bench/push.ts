// Pushes to a registry under measurement, over the protocol that all of them speak.

import { createHash } from "node:crypto";
import type { Running } from "./process.ts";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Where the bytes of that digest are to be put. */
export async function startUpload(
  server: Running,
  digest: string,
  name: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const url = `${server.url}/v2/${name}/blobs/uploads/`;
  const opened = await must(url, { method: "POST", headers });
  const location = new URL(opened.headers.get("location") ?? "", server.url);
  location.searchParams.set("digest", digest);
  return location.href;
}

/** Pushes the bytes in one piece; answers their digest. */
export async function putBlob(
  server: Running,
  bytes: Uint8Array,
  name: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const digest = digestOf(bytes);
  const location = await startUpload(server, digest, name, headers);
  const type = { "Content-Type": "application/octet-stream" };
  await must(location, { method: "PUT", headers: { ...headers, ...type }, body: bytes });
  return digest;
}

export interface PushedImage {
  /** Points another tag at it. */
  tag(name: string): Promise<void>;
}

/** A small image, the same each time; its blobs go up where the repository has them not. */
export async function pushImage(
  server: Running,
  name: string,
  tag: string,
  headers: Record<string, string> = {},
): Promise<PushedImage> {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux" }));
  const layer = Buffer.alloc(4096, 7);
  const descriptors = [];
  for (const bytes of [config, layer]) {
    const digest = digestOf(bytes);
    descriptors.push({ digest, size: bytes.length });
    const url = `${server.url}/v2/${name}/blobs/${digest}`;
    if ((await fetch(url, { method: "HEAD", headers })).ok) continue;
    await putBlob(server, bytes, name, headers);
  }
  const [first, second] = descriptors;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...first },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...second }],
  });
  const point = async (to: string): Promise<void> => {
    await must(`${server.url}/v2/${name}/manifests/${to}`, {
      method: "PUT",
      headers: { ...headers, "Content-Type": manifestType },
      body: manifest,
    });
  };
  await point(tag);
  return { tag: point };
}

async function must(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method} ${url}: ${response.status}`);
  return response;
}
