// Sparse indexes: of the manifests that an index names some are not there (OCI distribution-spec,
// "Pushing Manifests", leaves it to the registry; Harbor and distribution refuse them by default).

import assert from "node:assert/strict";
import { computeDigest } from "@sampan/oci/model";
import { errorCodes } from "./testing/http-client.ts";
import {
  manifestOf,
  ociIndex,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const base = "/v2/library/app";
const config = Buffer.from("{}");
const child = manifestOf(config, []);
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [
      { mediaType: ociManifest, digest: computeDigest(child), size: child.byteLength },
      { mediaType: ociManifest, digest: computeDigest(Buffer.from("other")), size: 9 },
    ],
  }),
);

async function put(world: RegistryWorld, path: string, body: Buffer, type: string) {
  const headers = { "content-type": type };
  return await world.send("PUT", `${base}/manifests/${path}`, { headers, body });
}

worldTest("by default an index needs all that it names", {}, async (world) => {
  const answer = await put(world, "v1", index, ociIndex);
  assert.deepEqual([answer.status, errorCodes(answer)], [404, ["MANIFEST_BLOB_UNKNOWN"]]);
});

worldTest(
  "where it is allowed, what is missing may come later, and go again",
  { sparseIndexes: true },
  async (world) => {
    assert.equal((await put(world, "v1", index, ociIndex)).status, 201);
    const pulled = await world.expect(200, "GET", `${base}/manifests/v1`);
    assert.deepEqual(pulled.body, index);
    const path = `${base}/manifests/${computeDigest(child)}`;
    await world.expect(404, "GET", path);
    await world.check();
    await world.pushBlob("library/app", config);
    assert.equal((await put(world, computeDigest(child), child, ociManifest)).status, 201);
    await world.expect(200, "GET", path);
    await world.check();
    await world.expect(202, "DELETE", path);
    await world.expect(200, "GET", `${base}/manifests/v1`);
    await world.expect(202, "DELETE", `${base}/manifests/${computeDigest(index)}`);
    await world.check();
  },
);

worldTest("an image needs its blobs all the same", { sparseIndexes: true }, async (world) => {
  const answer = await put(world, "v1", child, ociManifest);
  assert.deepEqual([answer.status, errorCodes(answer)], [404, ["MANIFEST_BLOB_UNKNOWN"]]);
});
