// The kinds of content that clients bring: each is pushed as its tool does, pulled byte for byte
// under its own media type, listed among referrers where it has a subject, and deleted.

import assert from "node:assert/strict";
import { computeDigest, type DigestAlgorithm, mediaTypes } from "@sampan/oci/model";
import { jsonOf } from "./testing/http-client.ts";
import { absentDigest, type RegistryWorld, worldTest } from "./testing/registry-world.ts";

const base = "/v2/library/app";

interface Blob {
  readonly mediaType: string;
  readonly text: string;
}

interface Kind {
  readonly name: string;
  readonly mediaType: string;
  readonly config: Blob;
  readonly layers: readonly Blob[];
  readonly more?: object;
  readonly algorithm?: DigestAlgorithm;
  /** What a list of referrers says of it. */
  readonly artifactType: string | null;
}

const empty: Blob = { mediaType: mediaTypes.ociEmpty, text: "{}" };
const layer: Blob = { mediaType: mediaTypes.ociLayerGzip, text: "a layer" };
const subject = { mediaType: mediaTypes.ociManifest, digest: absentDigest, size: 7 };

const kinds: readonly Kind[] = [
  {
    name: "a Docker image of schema 2",
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, text: '{"os":"linux"}' },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip, text: "a docker layer" }],
    artifactType: null,
  },
  {
    name: "a Windows image, whose base layer is elsewhere",
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, text: '{"os":"windows"}' },
    layers: [{ mediaType: mediaTypes.dockerLayerGzip, text: "a windows layer" }],
    artifactType: null,
  },
  {
    name: "a Helm chart",
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: "application/vnd.cncf.helm.config.v1+json", text: '{"name":"chart"}' },
    layers: [
      { mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip", text: "a chart" },
      { mediaType: "application/vnd.cncf.helm.chart.provenance.v1.prov", text: "its provenance" },
    ],
    artifactType: null,
  },
  {
    name: "an artifact of ORAS about another",
    mediaType: mediaTypes.ociManifest,
    config: empty,
    layers: [{ mediaType: "text/spdx", text: "an SBOM" }],
    more: { artifactType: "application/vnd.example.sbom", subject },
    artifactType: "application/vnd.example.sbom",
  },
  {
    name: "an artifact without content, its type in the config",
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: "application/vnd.example.attestation", text: "{}" },
    layers: [],
    more: { subject },
    artifactType: "application/vnd.example.attestation",
  },
  {
    name: "an artifact with fields that we do not know",
    mediaType: mediaTypes.ociManifest,
    config: empty,
    layers: [empty],
    more: { artifactType: "application/vnd.example.mark", data: "e30=", unknown: [1] },
    artifactType: null,
  },
  {
    name: "an image under sha512",
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, text: '{"os":"linux"}' },
    layers: [layer],
    more: { subject: { ...subject, digest: computeDigest(Buffer.from("y"), "sha512") } },
    algorithm: "sha512",
    artifactType: mediaTypes.ociConfig,
  },
];

async function pushBlob(world: RegistryWorld, { mediaType, text }: Blob, kind: Kind) {
  const bytes = Buffer.from(text);
  const digest = computeDigest(bytes, kind.algorithm);
  await world.expect(201, "POST", `${base}/blobs/uploads/?digest=${digest}`, { body: bytes });
  return { mediaType, digest, size: bytes.byteLength };
}

async function pushManifest(world: RegistryWorld, kind: Kind) {
  const { mediaType } = kind;
  const config = await pushBlob(world, kind.config, kind);
  const layers: object[] = [];
  for (const blob of kind.layers) layers.push(await pushBlob(world, blob, kind));
  // Foreign, so nobody has to bring it.
  if (kind.name.startsWith("a Windows")) layers.unshift(foreign);
  const body = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers, ...kind.more }),
  );
  const digest = computeDigest(body, kind.algorithm);
  const headers = { "content-type": mediaType };
  const path = `${base}/manifests/${digest}?tag=one&tag=two`;
  const answer = await world.expect(201, "PUT", path, { headers, body });
  assert.equal(answer.headers["docker-content-digest"], digest);
  assert.equal(answer.headers["oci-tag"], "one, two");
  return { body, digest, subject: answer.headers["oci-subject"] };
}

const foreign = {
  mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  digest: absentDigest,
  size: 1_000,
  urls: ["https://example.com/layer"],
};

for (const kind of kinds) {
  worldTest(`${kind.name} comes back as it was pushed, and goes`, {}, async (world) => {
    const pushed = await pushManifest(world, kind);
    for (const reference of ["one", "two", pushed.digest]) {
      const pulled = await world.expect(200, "GET", `${base}/manifests/${reference}`);
      assert.deepEqual(pulled.body, pushed.body);
      assert.equal(pulled.headers["content-type"], kind.mediaType);
    }
    const about = pushed.subject;
    assert.equal(about === undefined, kind.artifactType === null);
    if (about !== undefined) {
      const listed = await world.expect(200, "GET", `${base}/referrers/${about}`);
      const { manifests } = jsonOf(listed) as { manifests: { artifactType?: string }[] };
      assert.deepEqual(
        manifests.map((one) => one.artifactType),
        [kind.artifactType],
      );
    }
    await world.expect(202, "DELETE", `${base}/manifests/one`);
    await world.expect(404, "GET", `${base}/manifests/one`);
    await world.expect(202, "DELETE", `${base}/manifests/${pushed.digest}`);
    await world.expect(404, "GET", `${base}/manifests/two`);
    await world.check();
  });
}

worldTest(
  "a Docker manifest list and an OCI index name images of both kinds",
  {},
  async (world) => {
    const children: object[] = [];
    for (const kind of kinds) {
      if (kind.algorithm !== undefined) continue;
      const { digest, body } = await pushManifest(world, kind);
      const platform = { os: "linux", architecture: "amd64" };
      children.push({ mediaType: kind.mediaType, digest, size: body.byteLength, platform });
    }
    for (const mediaType of [mediaTypes.dockerManifestList, mediaTypes.ociIndex]) {
      const body = Buffer.from(
        JSON.stringify({ schemaVersion: 2, mediaType, manifests: children }),
      );
      const headers = { "content-type": mediaType };
      await world.expect(201, "PUT", `${base}/manifests/all`, { headers, body });
      const pulled = await world.expect(200, "GET", `${base}/manifests/all`);
      assert.deepEqual(pulled.body, body);
      assert.equal(pulled.headers["content-type"], mediaType);
    }
    await world.check();
  },
);
