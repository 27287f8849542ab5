// The distribution API as clients see it, route by route (OCI distribution-spec 1.1, its
// end-points). Every route of the table must have a case here, and a permission.

import assert from "node:assert/strict";
import { test } from "node:test";
import { computeDigest } from "@sampan/oci/model";
import { routes } from "./routes.ts";
import { errorCodes, jsonOf } from "./testing/http-client.ts";
import {
  absentDigest,
  manifestOf,
  ociIndex,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const manifest = "/v2/{name}/manifests/{reference}";
const blob = "/v2/{name}/blobs/{digest}";
const uploads = "/v2/{name}/blobs/uploads/";
const upload = "/v2/{name}/blobs/uploads/{id}";

const covered = new Set<string>();

function check(
  route: string,
  sentence: string,
  body: (world: RegistryWorld) => Promise<void>,
): void {
  covered.add(route);
  worldTest(`${route}: ${sentence}`, {}, body);
}

const repository = "library/app";
const base = `/v2/${repository}`;

check("GET /v2/", "says that it is a version 2 registry", async (world) => {
  const answer = await world.expect(200, "GET", "/v2/");
  assert.equal(answer.headers["docker-distribution-api-version"], "registry/2.0");
  await world.expect(200, "GET", "/v2");
});

check("HEAD /v2/", "answers without a body", async (world) => {
  const answer = await world.expect(200, "HEAD", "/v2/");
  assert.equal(answer.body.byteLength, 0);
});

check(`GET ${blob}`, "gives the bytes, their digest, and a year to keep them", async (world) => {
  const bytes = Buffer.from("some bytes");
  const digest = await world.pushBlob(repository, bytes);
  const answer = await world.expect(200, "GET", `${base}/blobs/${digest}`);
  assert.deepEqual(answer.body, bytes);
  assert.equal(answer.headers["content-type"], "application/octet-stream");
  assert.equal(answer.headers["content-length"], "10");
  assert.equal(answer.headers["docker-content-digest"], digest);
  assert.equal(answer.headers["accept-ranges"], "bytes");
  assert.equal(answer.headers.etag, `"${digest}"`);
  assert.match(String(answer.headers["cache-control"]), /max-age=31536000/);
});

check(`GET ${blob}`, "answers 304 to who has it", async (world) => {
  const digest = await world.pushBlob(repository, Buffer.from("x"));
  for (const etag of [`"${digest}"`, digest, `W/"${digest}"`, `"a", "${digest}"`, "*"]) {
    const headers = { "if-none-match": etag };
    const answer = await world.expect(304, "GET", `${base}/blobs/${digest}`, { headers });
    assert.equal(answer.body.byteLength, 0);
  }
  const headers = { "if-none-match": `"${absentDigest}"` };
  await world.expect(200, "GET", `${base}/blobs/${digest}`, { headers });
});

check(`GET ${blob}`, "gives ranges", async (world) => {
  const bytes = Buffer.from("0123456789");
  const digest = await world.pushBlob(repository, bytes);
  const cases = [
    ["bytes=0-0", 206, "0", "bytes 0-0/10"],
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-30", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=8-100", 206, "89", "bytes 8-9/10"],
    ["bytes=0-1,3-4", 200, "0123456789", undefined],
    ["lines=1-2", 200, "0123456789", undefined],
  ] as const;
  for (const [range, status, text, contentRange] of cases) {
    const answer = await world.expect(status, "GET", `${base}/blobs/${digest}`, {
      headers: { range },
    });
    assert.equal(answer.body.toString(), text, range);
    assert.equal(answer.headers["content-range"], contentRange, range);
    assert.equal(answer.headers["content-length"], String(text.length), range);
  }
  const beyond = await world.expect(416, "GET", `${base}/blobs/${digest}`, {
    headers: { range: "bytes=10-" },
  });
  assert.equal(beyond.headers["content-range"], "bytes */10");
  const changed = { range: "bytes=1-2", "if-range": `"${absentDigest}"` };
  await world.expect(200, "GET", `${base}/blobs/${digest}`, { headers: changed });
});

check(`GET ${blob}`, "knows only the blobs of the repository", async (world) => {
  const digest = await world.pushBlob("library/other", Buffer.from("x"));
  const answer = await world.expect(404, "GET", `${base}/blobs/${digest}`);
  assert.deepEqual(errorCodes(answer), ["BLOB_UNKNOWN"]);
  await world.expect(404, "GET", `${base}/blobs/${absentDigest}`);
});

check(`HEAD ${blob}`, "gives the length and ignores a range", async (world) => {
  const digest = await world.pushBlob(repository, Buffer.from("0123456789"));
  const headers = { range: "bytes=1-2" };
  const answer = await world.expect(200, "HEAD", `${base}/blobs/${digest}`, { headers });
  assert.equal(answer.headers["content-length"], "10");
  assert.equal(answer.headers["docker-content-digest"], digest);
  assert.equal(answer.body.byteLength, 0);
  await world.expect(404, "HEAD", `${base}/blobs/${absentDigest}`);
});

check(`DELETE ${blob}`, "takes the blob out of this repository alone", async (world) => {
  const bytes = Buffer.from("shared");
  const digest = await world.pushBlob(repository, bytes);
  await world.pushBlob("library/other", bytes);
  await world.expect(202, "DELETE", `${base}/blobs/${digest}`);
  await world.expect(404, "GET", `${base}/blobs/${digest}`);
  await world.expect(404, "DELETE", `${base}/blobs/${digest}`);
  const other = await world.expect(200, "GET", `/v2/library/other/blobs/${digest}`);
  assert.deepEqual(other.body, bytes);
});

check(`DELETE ${blob}`, "is refused while a manifest names the blob", async (world) => {
  const { layer } = await world.pushImage(repository, "v1", "a");
  const answer = await world.expect(405, "DELETE", `${base}/blobs/${computeDigest(layer)}`);
  assert.deepEqual(errorCodes(answer), ["UNSUPPORTED"]);
});

check(`PUT ${manifest}`, "puts it under tag and digest", async (world) => {
  const { manifest: bytes, digest } = await world.pushImage(repository, "v1", "a");
  for (const reference of ["v1", digest]) {
    const answer = await world.expect(200, "GET", `${base}/manifests/${reference}`);
    assert.deepEqual(answer.body, bytes);
    assert.equal(answer.headers["docker-content-digest"], digest);
    assert.equal(answer.headers["content-type"], ociManifest);
    assert.equal(answer.headers.etag, `"${digest}"`);
  }
});

check(`PUT ${manifest}`, "says where it is", async (world) => {
  const { manifest: body, digest } = await world.pushImage(repository, "v1", "a");
  const headers = { "content-type": ociManifest };
  const answer = await world.expect(201, "PUT", `${base}/manifests/v2`, { headers, body });
  assert.equal(answer.headers.location, `${world.origin}${base}/manifests/${digest}`);
  assert.equal(answer.headers["docker-content-digest"], digest);
});

check(`PUT ${manifest}`, "by digest takes tags from the query and says so", async (world) => {
  const { manifest: body, digest } = await world.pushImage(repository, "v1", "a");
  const headers = { "content-type": ociManifest };
  const path = `${base}/manifests/${digest}?tag=x&tag=y&tag=x`;
  const answer = await world.expect(201, "PUT", path, { headers, body });
  assert.equal(answer.headers["oci-tag"], "x, y");
  const list = await world.expect(200, "GET", `${base}/tags/list`);
  assert.deepEqual(jsonOf(list), { name: repository, tags: ["v1", "x", "y"] });
});

check(`PUT ${manifest}`, "takes an index of what is there", async (world) => {
  const child = await world.pushImage(repository, "v1", "a");
  const described = (digest: string, size: number) => ({ mediaType: ociManifest, digest, size });
  const index = (digest: string) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [described(digest, child.manifest.byteLength)],
    });
  const headers = { "content-type": ociIndex };
  const path = `${base}/manifests/all`;
  await world.expect(201, "PUT", path, { headers, body: index(child.digest) });
  const refused = await world.expect(404, "PUT", path, { headers, body: index(absentDigest) });
  assert.deepEqual(errorCodes(refused), ["MANIFEST_BLOB_UNKNOWN"]);
  assert.match(refused.body.toString(), new RegExp(absentDigest));
});

check(`GET ${manifest}`, "answers 304 to who has it", async (world) => {
  const { digest } = await world.pushImage(repository, "v1", "a");
  const headers = { "if-none-match": `"${digest}"` };
  const answer = await world.expect(304, "GET", `${base}/manifests/v1`, { headers });
  assert.equal(answer.headers.etag, `"${digest}"`);
});

check(`GET ${manifest}`, "tells an unknown manifest from an unknown repository", async (world) => {
  await world.pushImage(repository, "v1", "a");
  for (const reference of ["v2", absentDigest, ".INVALID"]) {
    const answer = await world.expect(404, "GET", `${base}/manifests/${reference}`);
    assert.deepEqual(errorCodes(answer), ["MANIFEST_UNKNOWN"]);
  }
  const answer = await world.expect(404, "GET", "/v2/library/none/manifests/v1");
  assert.deepEqual(errorCodes(answer), ["NAME_UNKNOWN"]);
});

check(`GET ${manifest}`, "gives a large one from the blob store", async (world) => {
  const config = Buffer.from("{}");
  await world.pushBlob(repository, config);
  const more = { annotations: { padding: "x".repeat(600_000) } };
  const body = manifestOf(config, [], more);
  const headers = { "content-type": ociManifest };
  await world.expect(201, "PUT", `${base}/manifests/large`, { headers, body });
  const answer = await world.expect(200, "GET", `${base}/manifests/large`);
  assert.deepEqual(answer.body, body);
  const head = await world.expect(200, "HEAD", `${base}/manifests/large`);
  assert.equal(head.headers["content-length"], String(body.byteLength));
  assert.equal((await world.blobs.list(null, 10)).length, 2);
  await world.expect(201, "PUT", `${base}/manifests/again`, { headers, body });
  assert.equal((await world.blobs.list(null, 10)).length, 2);
});

check(`HEAD ${manifest}`, "gives the head of GET", async (world) => {
  const { manifest: bytes, digest } = await world.pushImage(repository, "v1", "a");
  const answer = await world.expect(200, "HEAD", `${base}/manifests/v1`);
  assert.equal(answer.headers["content-length"], String(bytes.byteLength));
  assert.equal(answer.headers["docker-content-digest"], digest);
  assert.equal(answer.body.byteLength, 0);
  await world.expect(404, "HEAD", `${base}/manifests/v2`);
});

check(`DELETE ${manifest}`, "by tag removes the tag, by digest all of it", async (world) => {
  const { digest } = await world.pushImage(repository, "v1", "a");
  await world.expect(202, "DELETE", `${base}/manifests/v1`);
  await world.expect(404, "GET", `${base}/manifests/v1`);
  await world.expect(200, "GET", `${base}/manifests/${digest}`);
  await world.expect(404, "DELETE", `${base}/manifests/v1`);
  await world.pushImage(repository, "v2", "a");
  await world.expect(202, "DELETE", `${base}/manifests/${digest}`);
  await world.expect(404, "GET", `${base}/manifests/${digest}`);
  await world.expect(404, "GET", `${base}/manifests/v2`);
  await world.expect(404, "DELETE", `${base}/manifests/${digest}`);
});

check(`POST ${uploads}`, "begins an upload", async (world) => {
  const answer = await world.expect(202, "POST", `${base}/blobs/uploads/`);
  const id = String(answer.headers["docker-upload-uuid"]);
  assert.equal(answer.headers.location, `${world.origin}${base}/blobs/uploads/${id}`);
  assert.equal(answer.headers.range, "0-0");
  assert.equal(answer.headers["content-length"], "0");
  assert.match(String(answer.headers["oci-chunk-min-length"]), /^[0-9]+$/);
});

check(`POST ${uploads}`, "with a digest takes the whole blob", async (world) => {
  const bytes = Buffer.from("whole");
  const digest = computeDigest(bytes);
  const path = `${base}/blobs/uploads/?digest=${encodeURIComponent(digest)}`;
  const answer = await world.expect(201, "POST", path, { body: bytes });
  assert.equal(answer.headers.location, `${world.origin}${base}/blobs/${digest}`);
  assert.equal(answer.headers["docker-content-digest"], digest);
});

check(`POST ${uploads}`, "mounts what another repository has, else begins", async (world) => {
  const digest = await world.pushBlob("library/other", Buffer.from("shared"));
  const mount = (query: string) => `${base}/blobs/uploads/?mount=${query}`;
  const done = await world.expect(201, "POST", mount(`${digest}&from=library/other`));
  assert.equal(done.headers.location, `${world.origin}${base}/blobs/${digest}`);
  await world.expect(200, "HEAD", `${base}/blobs/${digest}`);
  for (const query of [
    `${digest}&from=library/none`,
    `${digest}&from=../x`,
    `${absentDigest}&from=library/other`,
    `nonsense&from=library/other`,
    absentDigest,
  ]) {
    await world.expect(202, "POST", mount(query));
  }
  await world.expect(201, "POST", `/v2/library/third/blobs/uploads/?mount=${digest}`);
  await world.expect(200, "HEAD", `/v2/library/third/blobs/${digest}`);
});

check(`PATCH ${upload}`, "takes chunks in order, with and without ranges", async (world) => {
  const path = await world.begin(repository);
  const first = await world.expect(202, "PATCH", path, {
    body: "01234",
    headers: { "content-range": "0-4" },
  });
  assert.equal(first.headers.range, "0-4");
  assert.equal(String(first.headers.location).slice(world.origin.length), path);
  const second = await world.expect(202, "PATCH", path, { parts: [Buffer.from("567")] });
  assert.equal(second.headers.range, "0-7");
  const digest = computeDigest(Buffer.from("01234567"));
  await world.expect(201, "PUT", `${path}?digest=${digest}`);
  const answer = await world.expect(200, "GET", `${base}/blobs/${digest}`);
  assert.equal(answer.body.toString(), "01234567");
});

check(`PATCH ${upload}`, "refuses a chunk out of order and goes on", async (world) => {
  const path = await world.begin(repository);
  const send = (status: number, body: string, range: string) =>
    world.expect(status, "PATCH", path, { body, headers: { "content-range": range } });
  const early = await send(416, "567", "5-7");
  assert.equal(early.headers.range, "0-0");
  assert.deepEqual(errorCodes(early), ["BLOB_UPLOAD_INVALID"]);
  await send(202, "01234", "0-4");
  const again = await send(416, "01234", "0-4");
  assert.equal(again.headers.range, "0-4");
  assert.ok(again.headers.location);
  await send(202, "567", "5-7");
  const digest = computeDigest(Buffer.from("01234567"));
  await world.expect(201, "PUT", `${path}?digest=${digest}`);
});

check(`PUT ${upload}`, "takes the last chunk, or all of it", async (world) => {
  const path = await world.begin(repository);
  await world.expect(202, "PATCH", path, { body: "0123" });
  const digest = computeDigest(Buffer.from("01234567"));
  const headers = { "content-range": "4-7" };
  const answer = await world.expect(201, "PUT", `${path}?digest=${digest}`, {
    headers,
    body: "4567",
  });
  assert.equal(answer.headers["docker-content-digest"], digest);
  const whole = Buffer.from("all of it");
  const other = await world.begin(repository);
  await world.expect(201, "PUT", `${other}?digest=${computeDigest(whole)}`, { body: whole });
  await world.expect(201, "PUT", `${other}?digest=${computeDigest(whole)}`);
  await world.expect(404, "PUT", `${other}?digest=${absentDigest}`);
});

check(`PUT ${upload}`, "takes a blob without bytes and one of sha512", async (world) => {
  const empty = await world.begin(repository);
  const digest = computeDigest(Buffer.alloc(0));
  await world.expect(201, "PUT", `${empty}?digest=${digest}`);
  await world.expect(200, "GET", `${base}/blobs/${digest}`);
  const bytes = Buffer.from("long hash");
  const long = computeDigest(bytes, "sha512");
  const at = await world.begin(repository);
  await world.expect(201, "PUT", `${at}?digest=${long}`, { body: bytes });
  const announced = await world.expect(
    202,
    "POST",
    `${base}/blobs/uploads/?digest-algorithm=sha512`,
  );
  const path = String(announced.headers.location);
  await world.expect(202, "PATCH", path, { body: bytes });
  await world.expect(201, "PUT", `${path}?digest=${long}`);
  assert.deepEqual((await world.expect(200, "GET", `${base}/blobs/${long}`)).body, bytes);
});

check(`GET ${upload}`, "says how far it is", async (world) => {
  const path = await world.begin(repository);
  await world.expect(202, "PATCH", path, { body: "0123" });
  const answer = await world.expect(204, "GET", path);
  assert.equal(answer.headers.range, "0-3");
  assert.equal(String(answer.headers.location).slice(world.origin.length), path);
  assert.ok(answer.headers["docker-upload-uuid"]);
});

check(`DELETE ${upload}`, "ends it and forgets its bytes", async (world) => {
  const path = await world.begin(repository);
  await world.expect(202, "PATCH", path, { body: "0123" });
  await world.expect(204, "DELETE", path);
  for (const method of ["GET", "PATCH", "DELETE"]) {
    const answer = await world.expect(404, method, path);
    assert.deepEqual(errorCodes(answer), ["BLOB_UPLOAD_UNKNOWN"]);
  }
  assert.deepEqual(await world.blobs.list(null, 10), []);
});

check("GET /v2/{name}/tags/list", "is in lexical order, page by page", async (world) => {
  for (const tag of ["v2", "v10", "latest", "V1"]) await world.pushImage(repository, tag, "a");
  const tags = ["V1", "latest", "v10", "v2"];
  const all = await world.expect(200, "GET", `${base}/tags/list`);
  assert.deepEqual(jsonOf(all), { name: repository, tags });
  assert.equal(all.headers["link"], undefined);
  const first = await world.expect(200, "GET", `${base}/tags/list?n=3`);
  assert.deepEqual(jsonOf(first), { name: repository, tags: tags.slice(0, 3) });
  const next = /^<([^>]+)>; rel="next"$/.exec(String(first.headers["link"]))?.[1] ?? "";
  const second = await world.expect(200, "GET", next);
  assert.deepEqual(jsonOf(second), { name: repository, tags: ["v2"] });
  assert.equal(second.headers["link"], undefined);
  const none = await world.expect(200, "GET", `${base}/tags/list?n=0`);
  assert.deepEqual(jsonOf(none), { name: repository, tags: [] });
  assert.equal(none.headers["link"], undefined);
  const between = await world.expect(200, "GET", `${base}/tags/list?last=m`);
  assert.deepEqual(jsonOf(between), { name: repository, tags: ["v10", "v2"] });
  for (const query of ["n=-1", "n=x", `last=${"x".repeat(2_000)}`]) {
    await world.expect(400, "GET", `${base}/tags/list?${query}`);
  }
  const unknown = await world.expect(404, "GET", "/v2/library/none/tags/list");
  assert.deepEqual(errorCodes(unknown), ["NAME_UNKNOWN"]);
});

check("GET /v2/_catalog", "lists the repositories that hold a manifest", async (world) => {
  for (const name of ["library/b", "library/a", "library/c"]) {
    await world.pushImage(name, "v1", name);
  }
  const all = await world.expect(200, "GET", "/v2/_catalog");
  assert.deepEqual(jsonOf(all), { repositories: ["library/a", "library/b", "library/c"] });
  const first = await world.expect(200, "GET", "/v2/_catalog?n=2");
  const next = /^<([^>]+)>; rel="next"$/.exec(String(first.headers["link"]))?.[1] ?? "";
  const second = await world.expect(200, "GET", next);
  assert.deepEqual(jsonOf(second), { repositories: ["library/c"] });
  await world.expect(400, "GET", "/v2/_catalog?n=many");
});

check("GET /v2/{name}/referrers/{digest}", "lists what names the digest", async (world) => {
  const { digest, config } = await world.pushImage(repository, "v1", "a");
  const subject = { mediaType: ociManifest, digest, size: 1 };
  const push = async (artifactType: string, about: object) => {
    const body = manifestOf(config, [], { artifactType, subject: about, annotations: { a: "b" } });
    const headers = { "content-type": ociManifest };
    const path = `${base}/manifests/${computeDigest(body)}`;
    const answer = await world.expect(201, "PUT", path, { headers, body });
    return { answer, digest: computeDigest(body), size: body.byteLength };
  };
  const signature = await push("application/x.signature", subject);
  assert.equal(signature.answer.headers["oci-subject"], digest);
  const sbom = await push("application/x.sbom", subject);
  const orphan = await push("application/x.sbom", { ...subject, digest: absentDigest });
  assert.equal(orphan.answer.headers["oci-subject"], absentDigest);

  const all = await world.expect(200, "GET", `${base}/referrers/${digest}`);
  assert.equal(all.headers["content-type"], ociIndex);
  const { manifests } = jsonOf(all) as { manifests: { digest: string }[] };
  assert.deepEqual(
    manifests.map((one) => one.digest).sort(),
    [signature.digest, sbom.digest].sort(),
  );
  const path = `${base}/referrers/${digest}?artifactType=application%2Fx.sbom`;
  const filtered = await world.expect(200, "GET", path);
  assert.equal(filtered.headers["oci-filters-applied"], "artifactType");
  assert.deepEqual(jsonOf(filtered), {
    schemaVersion: 2,
    mediaType: ociIndex,
    manifests: [
      {
        mediaType: ociManifest,
        digest: sbom.digest,
        size: sbom.size,
        artifactType: "application/x.sbom",
        annotations: { a: "b" },
      },
    ],
  });
  const none = await world.expect(200, "GET", `/v2/library/none/referrers/${digest}`);
  assert.deepEqual((jsonOf(none) as { manifests: [] }).manifests, []);
  await world.expect(400, "GET", `${base}/referrers/nonsense`);
});

test("every route has a permission and a case of conformance", () => {
  const needs = ["version", "catalog", "pull", "push", "delete"];
  for (const route of routes) assert.ok(needs.includes(route.needs), route.path);
  const missing = routes.map((route) => `${route.method} ${route.path}`);
  assert.deepEqual(
    missing.filter((name) => !covered.has(name)),
    [],
  );
});
