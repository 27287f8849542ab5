// Bad inputs as data: each is sent to a registry, and docs/reference/bad-inputs.md says what came
// back (bad-inputs-page.test.ts).

import { computeDigest, manifestBytesMax } from "@sampan/oci/model";
import type { Asked } from "./http-client.ts";
import { absentDigest, manifestOf, ociIndex, ociManifest } from "./registry-world.ts";

export interface BadInput {
  /** As the page tells it. */
  readonly what: string;
  readonly method: string;
  /** `{upload}` stands for an upload that holds 4 bytes. */
  readonly path: string;
  readonly asked?: Asked;
}

export interface BadInputs {
  readonly heading: string;
  readonly inputs: readonly BadInput[];
}

/** What the registry holds before each section: an image `v1` and a blob of ten bytes. */
export const repository = "library/app";
export const blobBytes = Buffer.from("0123456789");

const base = `/v2/${repository}`;
const blob = `${base}/blobs/${computeDigest(blobBytes)}`;
const uploads = `${base}/blobs/uploads/`;
const hex = "a".repeat(64);

function get(what: string, path: string, headers: Asked["headers"] = {}): BadInput {
  return { what, method: "GET", path, asked: { headers } };
}

const names: BadInputs = {
  heading: "Paths and names",
  inputs: [
    get("a path that is none", `${base}/nothing/x`),
    { what: "a method that the path has not", method: "PATCH", path: `${base}/manifests/v1` },
    get("`..` in a name", "/v2/library/../../etc/tags/list"),
    get("`..` in a name, escaped", "/v2/library/%2e%2e/tags/list"),
    get("capital letters in a name", "/v2/Library/App/tags/list"),
    get("an empty component in a name", "/v2/library//app/tags/list"),
    get("a name of more than 255 characters", `/v2/library/${"x".repeat(256)}/tags/list`),
    get("an escape that is none", "/v2/library/a%zz/tags/list"),
    get("a NUL in a name", "/v2/library/app%00/tags/list"),
    get("a repository that is not there", "/v2/library/none/tags/list"),
    {
      what: "a push to a project that is not there",
      method: "POST",
      path: "/v2/none/app/blobs/uploads/",
    },
    { what: "a push to a name without a project", method: "POST", path: "/v2/app/blobs/uploads/" },
  ],
};

const blobs: BadInputs = {
  heading: "Blobs and ranges",
  inputs: [
    get("a digest that is none", `${base}/blobs/sha256:ab`),
    get("a digest in capital letters", `${base}/blobs/sha256:${"A".repeat(64)}`),
    get("a digest of another algorithm", `${base}/blobs/sha384:${hex}`),
    get("a blob that is not there", `${base}/blobs/${absentDigest}`),
    { what: "a blob that is not there", method: "HEAD", path: `${base}/blobs/${absentDigest}` },
    get("a range behind the end", blob, { range: "bytes=10-" }),
    get("a range that runs backwards", blob, { range: "bytes=5-2" }),
    get("the last no bytes", blob, { range: "bytes=-0" }),
    get("a range that ends behind the end", blob, { range: "bytes=8-100" }),
    get("several ranges: the whole", blob, { range: "bytes=0-1,3-4" }),
    get("a thousand ranges: the whole", blob, { range: `bytes=${"0-,".repeat(1_000)}0-` }),
    get("a range in another unit: the whole", blob, { range: "lines=0-1" }),
    get("a range that is none: the whole", blob, { range: "bytes=a-b" }),
    get("a range of another content (`If-Range`): the whole", blob, {
      range: "bytes=0-1",
      "if-range": `"${absentDigest}"`,
    }),
    {
      what: "a range, which has a meaning with GET only",
      method: "HEAD",
      path: blob,
      asked: { headers: { range: "bytes=0-1" } },
    },
    {
      what: "a blob that is not there",
      method: "DELETE",
      path: `${base}/blobs/${absentDigest}`,
    },
    {
      what: "a blob that a manifest names",
      method: "DELETE",
      path: `${base}/blobs/{config}`,
    },
  ],
};

function chunk(what: string, range: string, body = "xxxx"): BadInput {
  const asked = { body, headers: { "content-range": range } };
  return { what, method: "PATCH", path: "{upload}", asked };
}

const chunks: BadInputs = {
  heading: "Uploads and chunks",
  inputs: [
    chunk("a chunk that leaves a gap", "8-11"),
    chunk("a chunk that overlaps what is stored", "2-5"),
    chunk("a chunk that was sent before", "0-3"),
    chunk("a range that runs backwards", "7-4"),
    chunk("a range that is none", "four-seven"),
    chunk("a range longer than its body", "4-99"),
    chunk("a range shorter than its body", "4-5"),
    chunk("a range beyond what a number holds", "4-99999999999999999999"),
    {
      what: "a chunked body longer than its range",
      method: "PATCH",
      path: "{upload}",
      asked: { parts: [Buffer.from("xxxx")], headers: { "content-range": "4-5" } },
    },
    {
      what: "an id that was never given out",
      method: "PATCH",
      path: `${uploads}x`,
      asked: { body: "x" },
    },
    {
      what: "an upload of another repository",
      method: "GET",
      path: "{elsewhere}",
    },
    { what: "an end without a digest", method: "PUT", path: "{upload}" },
    { what: "an end with a digest that is none", method: "PUT", path: "{upload}?digest=sha256:ab" },
    {
      what: "an end out of order",
      method: "PUT",
      path: `{upload}?digest=${absentDigest}`,
      asked: { body: "x", headers: { "content-range": "9-9" } },
    },
    {
      what: "an end with another digest than the bytes have; the upload is gone",
      method: "PUT",
      path: `{upload}?digest=${absentDigest}`,
    },
    {
      what: "a whole blob with another digest",
      method: "POST",
      path: `${uploads}?digest=${absentDigest}`,
      asked: { body: "x" },
    },
    {
      what: "a mount of what is not there: an upload",
      method: "POST",
      path: `${uploads}?mount=${absentDigest}&from=library/other`,
    },
    {
      what: "a mount of a digest that is none: an upload",
      method: "POST",
      path: `${uploads}?mount=x`,
    },
    {
      what: "a `digest-algorithm` that is not supported",
      method: "POST",
      path: `${uploads}?digest-algorithm=md5`,
    },
  ],
};

function put(what: string, body: string | Buffer, path = `${base}/manifests/v2`): BadInput {
  const type = body.toString().includes(ociIndex) ? ociIndex : ociManifest;
  return { what, method: "PUT", path, asked: { body, headers: { "content-type": type } } };
}

const missing = Buffer.from("missing");
const image = JSON.parse(manifestOf(missing, []).toString());
const json = (fields: object) => JSON.stringify({ ...image, ...fields });

const manifests: BadInputs = {
  heading: "Manifests",
  inputs: [
    get("a tag that is not there", `${base}/manifests/none`),
    get("a text that can be no tag", `${base}/manifests/.x`),
    get("a digest that is none", `${base}/manifests/sha256:ab`),
    put("no JSON", "{"),
    put("JSON, but no object", "[]"),
    put("schema 1", '{"schemaVersion":1}'),
    put("a config that is not there", json({})),
    put("layers that are no list", json({ layers: {} })),
    put("a size that is no whole number", json({ config: { ...image.config, size: 1.5 } })),
    put("a digest in it that is none", json({ config: { ...image.config, digest: "x" } })),
    put("image and index at once", json({ manifests: [] })),
    put("`Config` beside `config`, which Go programs take for it", json({ Config: {} })),
    put(
      "a child that is not there (a sparse index)",
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndex,
        manifests: [{ mediaType: ociManifest, digest: absentDigest, size: 7 }],
      }),
    ),
    put("a thousand brackets", `{"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}`),
    put("more than 4 MiB", Buffer.alloc(manifestBytesMax + 1, 32)),
    {
      what: "a media type that is none of a manifest",
      method: "PUT",
      path: `${base}/manifests/v2`,
      asked: { body: json({}), headers: { "content-type": "text/plain" } },
    },
    put("another digest than the bytes have", json({}), `${base}/manifests/${absentDigest}`),
    put("a text that can be no tag", json({}), `${base}/manifests/.x`),
    put("a bad tag in the query", json({}), `${base}/manifests/${absentDigest}?tag=ok&tag=.x`),
    put(
      "65 tags in the query",
      json({}),
      `${base}/manifests/${absentDigest}?${"tag=a&".repeat(65)}`,
    ),
    { what: "a tag that is not there", method: "DELETE", path: `${base}/manifests/none` },
    {
      what: "a manifest that is not there",
      method: "DELETE",
      path: `${base}/manifests/${absentDigest}`,
    },
  ],
};

const lists: BadInputs = {
  heading: "Lists",
  inputs: [
    get("`n` that is no number", `${base}/tags/list?n=many`),
    get("`n` below zero", `${base}/tags/list?n=-1`),
    get("`n` of zero: an empty list", `${base}/tags/list?n=0`),
    get(
      "`n` beyond the 10,000 of a page: as many as there are up to that",
      `${base}/tags/list?n=999999`,
    ),
    get("`last` that is no tag: what comes behind it", `${base}/tags/list?last=%00`),
    get("`last` of more than 1,024 characters", `${base}/tags/list?last=${"x".repeat(2_000)}`),
    get("referrers of a digest that is none", `${base}/referrers/x`),
    get("referrers of what is not there: an empty index", `${base}/referrers/${absentDigest}`),
  ],
};

export const badInputs: readonly BadInputs[] = [names, blobs, chunks, manifests, lists];
