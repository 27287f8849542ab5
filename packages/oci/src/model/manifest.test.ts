// Manifests and indexes: what is read of good ones, and what is said of bad ones.

import assert from "node:assert/strict";
import test from "node:test";
import type { Manifest } from "./manifest.ts";
import {
  manifestBytesMax,
  manifestDescriptorsMax,
  parseManifest,
  referrerArtifactType,
  requiredBlobs,
  requiredManifests,
} from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";

type Fields = Record<string, unknown>;

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const descriptor = (letter: string, fields: Fields = {}): Fields => ({
  mediaType: mediaTypes.ociLayerGzip,
  digest: digest(letter),
  size: 10,
  ...fields,
});

const config = descriptor("c", { mediaType: mediaTypes.ociConfig });

/** `undefined` takes a field away. */
function image(fields: Fields = {}): Fields {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: [descriptor("a"), descriptor("b")],
    ...fields,
  };
}

function index(fields: Fields = {}): Fields {
  const child = descriptor("d", { mediaType: mediaTypes.ociManifest });
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child], ...fields };
}

const encode = (body: unknown) => Buffer.from(JSON.stringify(body));

function parsed(body: unknown, contentType: string | null = null): Manifest {
  const manifest = parseManifest(encode(body), contentType);
  assert.ok(manifest.ok, manifest.ok ? "" : manifest.error.message);
  return manifest.value;
}

/** `expected` is the code and a part of the message. */
function refuse(
  body: unknown,
  expected: [string, RegExp],
  contentType: string | null = null,
): void {
  const bytes = body instanceof Uint8Array ? body : encode(body);
  const manifest = parseManifest(bytes, contentType);
  assert.ok(!manifest.ok, "was accepted");
  assert.equal(manifest.error.code, expected[0]);
  assert.match(manifest.error.message, expected[1]);
}

const invalid = (message: RegExp): [string, RegExp] => ["manifest-invalid", message];
const unsupported = (message: RegExp): [string, RegExp] => ["manifest-unsupported", message];

test("an image names its config and layers", () => {
  const manifest = parsed(image(), mediaTypes.ociManifest);
  assert.equal(manifest.type, "image");
  assert.deepEqual(
    requiredBlobs(manifest).map((blob) => blob.digest),
    [digest("c"), digest("a"), digest("b")],
  );
  assert.deepEqual(requiredManifests(manifest), []);
});

test("an index names its children with their platforms", () => {
  const platform = { architecture: "arm64", os: "linux", variant: "v8", "os.version": "1" };
  const children = [
    descriptor("d", { mediaType: mediaTypes.ociManifest, platform }),
    descriptor("e", { mediaType: mediaTypes.ociManifest, platform: { os: 5 } }),
  ];
  const manifest = parsed(index({ manifests: children }));
  assert.deepEqual(requiredBlobs(manifest), []);
  const [first, second] = requiredManifests(manifest);
  assert.deepEqual(first?.platform, {
    architecture: "arm64",
    os: "linux",
    variant: "v8",
    osVersion: "1",
  });
  assert.equal(second?.platform, null);
});

test("Docker's manifest and manifest list are read the same way", () => {
  const docker = image({ mediaType: mediaTypes.dockerManifest });
  assert.equal(parsed(docker, mediaTypes.dockerManifest).type, "image");
  const list = index({ mediaType: mediaTypes.dockerManifestList });
  assert.equal(parsed(list, mediaTypes.dockerManifestList).type, "index");
});

test("subject, artifactType and annotations are taken from OCI manifests only", () => {
  const fields = {
    subject: descriptor("f", { mediaType: mediaTypes.ociManifest }),
    artifactType: "application/vnd.example+json",
    annotations: { a: "b", __proto__x: "y" },
  };
  const manifest = parsed(image(fields));
  assert.equal(manifest.subject?.digest, digest("f"));
  assert.equal(manifest.artifactType, "application/vnd.example+json");
  assert.equal(manifest.annotations["a"], "b");
  const docker = parsed(image({ ...fields, mediaType: mediaTypes.dockerManifest }));
  assert.equal(docker.subject, null);
  assert.equal(docker.artifactType, null);
});

test("a referrer without artifactType goes by its config's media type", () => {
  assert.equal(referrerArtifactType(parsed(image())), mediaTypes.ociConfig);
  assert.equal(referrerArtifactType(parsed(image({ artifactType: "a/b" }))), "a/b");
  assert.equal(referrerArtifactType(parsed(image({ artifactType: "" }))), mediaTypes.ociConfig);
  assert.equal(referrerArtifactType(parsed(index())), null);
});

test("foreign layers need not be held", () => {
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const urls = ["https://example.com/layer"];
  const layers = [descriptor("a", { mediaType: foreign, urls }), descriptor("b")];
  const manifest = parsed(image({ layers }));
  assert.deepEqual(
    requiredBlobs(manifest).map((blob) => blob.digest),
    [digest("c"), digest("b")],
  );
});

test("the media type comes from the Content-Type, the body, or the shape", () => {
  const bare = image({ mediaType: undefined });
  assert.equal(parsed(bare, mediaTypes.ociManifest).mediaType, mediaTypes.ociManifest);
  assert.equal(parsed(bare).mediaType, mediaTypes.ociManifest);
  assert.equal(parsed(bare, "application/json").mediaType, mediaTypes.ociManifest);
  assert.equal(parsed(index({ mediaType: undefined })).mediaType, mediaTypes.ociIndex);
  const parameters = `${mediaTypes.ociManifest.toUpperCase()} ; charset=utf-8`;
  assert.equal(parsed(image(), parameters).mediaType, mediaTypes.ociManifest);
});

test("a Content-Type that differs from the body is refused", () => {
  refuse(image(), invalid(/differs from the Content-Type/), mediaTypes.dockerManifest);
  refuse(image(), invalid(/differs from the Content-Type/), mediaTypes.ociIndex);
  const docker = image({ mediaType: undefined });
  refuse(docker, invalid(/mediaType is missing/), mediaTypes.dockerManifest);
});

test("schema 1 and unknown kinds are named as unsupported", () => {
  const schema1 = { schemaVersion: 1, name: "a", tag: "b", fsLayers: [] };
  refuse(schema1, unsupported(/schema 1/));
  const signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  refuse(image(), unsupported(/schema 1/), signed);
  refuse(image(), unsupported(/text\/plain/), "text/plain");
  const artifact = "application/vnd.oci.artifact.manifest.v1+json";
  refuse(image({ mediaType: artifact }), unsupported(/artifact/));
});

test("a body that is image and index at once is refused", () => {
  refuse(image({ manifests: [] }), invalid(/has a field manifests/));
  refuse(index({ layers: [] }), invalid(/has a field layers/));
  refuse(index({ config }), invalid(/has a field config/));
});

test("a field that Go would take for another is refused", () => {
  refuse(image({ Layers: [] }), invalid(/field "Layers" beside layers/));
  refuse(image({ mediatype: "x" }), invalid(/field "mediatype" beside mediaType/));
  refuse(image({ layer\u017f: [] }), invalid(/beside layers/));
  const layers = [descriptor("a", { Digest: digest("b") })];
  refuse(image({ layers }), invalid(/layers\[0\] has a field "Digest" beside digest/));
  assert.equal(parsed(image({ layer: [], configs: {} })).type, "image");
});

test("what is no JSON object is refused", () => {
  const texts = ["", "null", "[]", '"x"', "1", "{", '{"a":1}x', "\ufeff{}", "[".repeat(9)];
  for (const text of texts) refuse(Buffer.from(text), invalid(/not a JSON object/));
  refuse(Uint8Array.of(0x7b, 0xff, 0x7d), invalid(/not a JSON object/));
});

test("what only takes time to parse is refused by its form", () => {
  const nested = `${"[".repeat(100)}${"]".repeat(100)}`;
  refuse(Buffer.from(nested), invalid(/deeper than 64 levels/));
  refuse(image({ x: Array(50_000).fill([]) }), invalid(/more than 50000 objects and lists/));
  const many = Object.fromEntries(Array.from({ length: 150_000 }, (_, key) => [key, 1]));
  refuse(image({ x: many }), invalid(/more than 150000 fields/));
  parsed(
    image({
      annotations: Object.fromEntries(
        Object.keys(many)
          .slice(0, 9_000)
          .map((k) => [k, k]),
      ),
    }),
  );
});

test("a failure names the field", () => {
  refuse({}, invalid(/what kind of manifest/));
  refuse(image({ schemaVersion: 3 }), invalid(/schemaVersion is not 2/));
  refuse(image({ schemaVersion: undefined }), invalid(/schemaVersion is not 2/));
  refuse(image({ mediaType: 5 }), invalid(/mediaType is not a string/));
  refuse(image({ config: undefined }), invalid(/config is not an object/));
  refuse(image({ config: [] }), invalid(/config is not an object/));
  refuse(image({ layers: undefined }), invalid(/layers is not a list/));
  refuse(image({ layers: {} }), invalid(/layers is not a list/));
  refuse(image({ layers: [descriptor("a"), 5] }), invalid(/layers\[1\] is not an object/));
  refuse(index({ manifests: undefined }), invalid(/manifests is not a list/));
  refuse(image({ subject: "x" }), invalid(/subject is not an object/));
  refuse(image({ annotations: [] }), invalid(/annotations is not an object/));
  refuse(image({ annotations: { a: 1 } }), invalid(/annotations\["a"\] is not a string/));
  refuse(image({ artifactType: 1 }), invalid(/artifactType is not a media type/));
  refuse(image({ artifactType: "x" }), invalid(/artifactType is not a media type/));
});

test("a descriptor must have a media type, a digest and a size that can be trusted", () => {
  const layer = (fields: Fields) => image({ layers: [descriptor("a", fields)] });
  refuse(layer({ mediaType: undefined }), invalid(/layers\[0\].mediaType/));
  refuse(layer({ mediaType: "tar" }), invalid(/layers\[0\].mediaType/));
  refuse(layer({ mediaType: "a/b\nc" }), invalid(/layers\[0\].mediaType/));
  refuse(layer({ digest: undefined }), invalid(/layers\[0\].digest is not a string/));
  refuse(layer({ digest: "sha256:../x" }), invalid(/layers\[0\].digest is not a digest/));
  refuse(layer({ digest: "md5:00" }), invalid(/layers\[0\].digest is of an algorithm/));
  for (const size of [undefined, null, "10", -1, 1.5, 2 ** 53, 1e300]) {
    refuse(layer({ size }), invalid(/layers\[0\].size is not a whole number of bytes/));
  }
});

test("unknown fields and Go's null for nothing are let pass", () => {
  const fields = { annotations: null, subject: null, artifactType: "", future: { a: [1] } };
  assert.equal(parsed(image(fields)).type, "image");
  const empty = parsed(image({ layers: null }));
  assert.ok(empty.type === "image" && empty.layers.length === 0);
  assert.equal(parsed(index({ manifests: null })).type, "index");
  const layer = descriptor("a", { annotations: null, urls: null, platform: null, data: "e30=" });
  assert.equal(parsed(image({ layers: [layer] })).type, "image");
});

test("a manifest may be 4 MiB and no larger", () => {
  const room = (bytes: number) => {
    const empty = encode(image({ annotations: { a: "" } })).length;
    return encode(image({ annotations: { a: "x".repeat(bytes - empty) } }));
  };
  assert.equal(parseManifest(room(manifestBytesMax), null).ok, true);
  refuse(room(manifestBytesMax + 1), ["manifest-too-large", /larger than 4194304 bytes/]);
});

test("the number of descriptors is bounded", () => {
  const layers = Array.from({ length: manifestDescriptorsMax }, () => descriptor("a"));
  assert.equal(parsed(image({ layers })).type, "image");
  refuse(image({ layers: [...layers, descriptor("a")] }), invalid(/more than 4000 entries/));
});
