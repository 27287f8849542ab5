// What clients should not send, and what they are told. Every refusal is a clear error in the words
// of the specification, and leaves nothing behind.

import assert from "node:assert/strict";
import { computeDigest, manifestBytesMax } from "@sampan/oci/model";
import { routes } from "./routes.ts";
import { type Answer, errorCodes } from "./testing/http-client.ts";
import {
  absentDigest,
  manifestOf,
  ociIndex,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const repository = "library/app";
const base = `/v2/${repository}`;

function refused(answer: Answer, status: number, code: string): void {
  assert.deepEqual([answer.status, errorCodes(answer)], [status, [code]]);
}

worldTest("a path trick in a name is refused as a name and never a path", {}, async (world) => {
  const names = [
    "library/../../etc",
    "..",
    ".",
    "library/..",
    "%2e%2e/library",
    "library%2f..%2f..%2fetc",
    "library//app",
    "/library",
    "library/",
    "library/app%00",
    "library/%00",
    "Library/app",
    "library/app\\x",
    "library/app%5c..",
    "library/ap%20p",
    "library/-app",
    "library/app-",
    `library/${"x".repeat(256)}`,
    "library/%c3%a4",
  ];
  for (const name of names) {
    for (const rest of ["manifests/v1", `blobs/${absentDigest}`, "tags/list"]) {
      const answer = await world.send("GET", `/v2/${name}/${rest}`);
      refused(answer, 400, "NAME_INVALID");
    }
    refused(await world.send("POST", `/v2/${name}/blobs/uploads/`), 400, "NAME_INVALID");
  }
  assert.deepEqual(await world.blobs.list(null, 10), []);
});

worldTest("an escape that is none is refused", {}, async (world) => {
  refused(await world.send("GET", "/v2/library/a%zz/tags/list"), 400, "NAME_INVALID");
  refused(await world.send("GET", "/v2/library/a%ff/tags/list"), 400, "NAME_INVALID");
});

worldTest("an escaped digest and an escaped slash are read", {}, async (world) => {
  const digest = await world.pushBlob(repository, Buffer.from("x"));
  await world.expect(200, "GET", `${base}/blobs/${encodeURIComponent(digest)}`);
  await world.expect(200, "GET", `/v2/library%2Fapp/blobs/${digest}`);
});

worldTest("what is no route is not found, a wrong method is told the right ones", {}, async (w) => {
  for (const path of ["/v2/x", "/v2/library/app", "/v2/library/app/nothing/x", "/v2//"]) {
    assert.equal((await w.send("GET", path)).status, 404, path);
  }
  const answer = await w.send("PATCH", `${base}/manifests/v1`);
  refused(answer, 405, "UNSUPPORTED");
  assert.equal(answer.headers.allow, "GET, HEAD, PUT, DELETE");
  for (const path of new Set(routes.map((route) => route.path))) {
    const allowed = routes.filter((route) => route.path === path).map(({ method }) => method);
    const filled = path.replace("{name}", repository).replace(/\{\w+\}/, "x");
    const told = await w.send("OPTIONS", filled);
    refused(told, 405, "UNSUPPORTED");
    assert.equal(told.headers.allow, allowed.join(", "), filled);
  }
});

worldTest("unknown parameters are tolerated", {}, async (world) => {
  await world.pushImage(repository, "v1", "a");
  await world.expect(200, "GET", `${base}/manifests/v1?ns=registry.example&x`);
  await world.expect(202, "POST", `${base}/blobs/uploads/?ns=registry.example`);
});

worldTest("a wrong digest ends the upload", {}, async (world) => {
  const path = await world.begin(repository);
  const answer = await world.send("PUT", `${path}?digest=${absentDigest}`, { body: "x" });
  refused(answer, 400, "DIGEST_INVALID");
  refused(await world.send("GET", path), 404, "BLOB_UPLOAD_UNKNOWN");
  const post = `${base}/blobs/uploads/?digest=${absentDigest}`;
  refused(await world.send("POST", post, { body: "x" }), 400, "DIGEST_INVALID");
  assert.deepEqual(await world.blobs.list(null, 10), []);
  await world.expect(404, "HEAD", `${base}/blobs/${absentDigest}`);
});

worldTest("what is no digest is refused before a byte is taken", {}, async (world) => {
  const path = await world.begin(repository);
  for (const digest of [
    "",
    "x",
    "sha256:",
    "sha256:ab",
    `sha256:${"A".repeat(64)}`,
    `md5:${"a".repeat(32)}`,
    `../${absentDigest}`,
  ]) {
    const query = `digest=${encodeURIComponent(digest)}`;
    refused(await world.send("PUT", `${path}?${query}`, { body: "x" }), 400, "DIGEST_INVALID");
    const post = await world.send("POST", `${base}/blobs/uploads/?${query}`, { body: "x" });
    refused(post, 400, "DIGEST_INVALID");
    if (digest === "") continue;
    const blob = await world.send("GET", `${base}/blobs/${encodeURIComponent(digest)}`);
    refused(
      blob,
      digest.includes("/") ? 404 : 400,
      digest.includes("/") ? "NAME_UNKNOWN" : "DIGEST_INVALID",
    );
  }
  refused(await world.send("PUT", path, { body: "x" }), 400, "DIGEST_INVALID");
  assert.equal((await world.expect(204, "GET", path)).headers.range, "0-0");
});

worldTest("a chunk that is not what it says is refused", {}, async (world) => {
  const path = await world.begin(repository);
  const patch = (range: string, body: string) =>
    world.send("PATCH", path, { body, headers: { "content-range": range } });
  refused(await patch("0-9", "short"), 400, "SIZE_INVALID");
  refused(await patch("4-0", "short"), 400, "BLOB_UPLOAD_INVALID");
  refused(await patch("zero", "short"), 400, "BLOB_UPLOAD_INVALID");
  const unsized = { parts: [Buffer.from("short")], headers: { "content-range": "0-9" } };
  refused(await world.send("PATCH", path, unsized), 400, "SIZE_INVALID");
});

worldTest("a manifest that gives a wrong size is refused, and told which", {}, async (world) => {
  const { manifest, config, digest } = await world.pushImage(repository, "v1", "a");
  const image = JSON.parse(manifest.toString());
  const child = { mediaType: ociManifest, digest, size: 5 };
  for (const [body, type, claim] of [
    [{ ...image, config: { ...image.config, size: 99_999 } }, ociManifest, image.config],
    // A second descriptor of the same digest is not taken on the word of the first.
    [{ ...image, layers: [image.config, { ...image.config, size: 1 }] }, ociManifest, image.config],
    [{ schemaVersion: 2, mediaType: ociIndex, manifests: [child] }, ociIndex, child],
  ]) {
    const headers = { "content-type": type };
    const sent = { headers, body: JSON.stringify(body) };
    const answer = await world.send("PUT", `${base}/manifests/v2`, sent);
    refused(answer, 400, "MANIFEST_INVALID");
    const stored = claim === child ? manifest.byteLength : config.byteLength;
    const said = answer.body.toString();
    assert.match(said, new RegExp(`${claim.digest}.*stored are ${stored}`));
  }
});

worldTest("of a chunk nothing is stored beyond its range", {}, async (world) => {
  const path = await world.begin(repository);
  const parts = [Buffer.from("0123456789")];
  const long = { parts, headers: { "content-range": "0-4" } };
  refused(await world.send("PATCH", path, long), 400, "SIZE_INVALID");
  assert.equal((await world.expect(204, "GET", path)).headers.range, "0-0");
  await world.expect(202, "PATCH", path, { body: "01234" });
  const digest = computeDigest(Buffer.from("01234"));
  await world.expect(201, "PUT", `${path}?digest=${digest}`);
});

worldTest("an upload belongs to its repository", {}, async (world) => {
  const path = await world.begin(repository);
  const elsewhere = path.replace("library/app", "library/other");
  refused(await world.send("PATCH", elsewhere, { body: "x" }), 404, "BLOB_UPLOAD_UNKNOWN");
  for (const id of ["x", "..", "%2e%2e", "00000000-0000-4000-8000-000000000000"]) {
    const answer = await world.send("PATCH", `${base}/blobs/uploads/${id}`, { body: "x" });
    refused(answer, 404, "BLOB_UPLOAD_UNKNOWN");
  }
});

worldTest(
  "a project that is not there takes nothing, and it is told how to make it",
  {},
  async (w) => {
    const check = async (name: string, words: RegExp) => {
      const body = manifestOf(Buffer.from("{}"), []);
      const headers = { "content-type": ociManifest };
      for (const answer of [
        await w.send("POST", `/v2/${name}/blobs/uploads/`),
        await w.send("PUT", `/v2/${name}/manifests/v1`, { headers, body }),
      ]) {
        refused(answer, 404, "NAME_UNKNOWN");
        assert.match(answer.body.toString(), words);
      }
    };
    await check(
      "nobody/app",
      /PROJECT\/NAME, .* no project nobody; .*sampan project create nobody"/,
    );
    await check("app", /app names no project: .* PROJECT\/NAME, .*sampan project create NAME"/);
    assert.deepEqual(await w.blobs.list(null, 10), []);
  },
);

async function pushManifest(world: RegistryWorld, body: string | Buffer, type = ociManifest) {
  const headers = { "content-type": type };
  return await world.send("PUT", `${base}/manifests/v1`, { headers, body });
}

worldTest("a manifest that names a missing blob is refused, and says which", {}, async (world) => {
  const config = Buffer.from("{}");
  await world.pushBlob(repository, config);
  const layer = Buffer.from("missing");
  const answer = await pushManifest(world, manifestOf(config, [layer]));
  refused(answer, 404, "MANIFEST_BLOB_UNKNOWN");
  assert.match(answer.body.toString(), new RegExp(computeDigest(layer)));
  await world.pushBlob("library/other", layer);
  const elsewhere = await pushManifest(world, manifestOf(config, [layer]));
  refused(elsewhere, 404, "MANIFEST_BLOB_UNKNOWN");
  await world.expect(404, "GET", `${base}/manifests/v1`);
});

worldTest("what is no manifest is refused", {}, async (world) => {
  const config = Buffer.from("{}");
  await world.pushBlob(repository, config);
  const good = manifestOf(config, []);
  for (const body of ["", "{", "[]", "null", "{}", '{"schemaVersion":1}', '"text"']) {
    refused(await pushManifest(world, body), 400, "MANIFEST_INVALID");
  }
  refused(await pushManifest(world, good, "text/plain"), 400, "MANIFEST_INVALID");
  const both = JSON.stringify({ ...JSON.parse(good.toString()), manifests: [] });
  refused(await pushManifest(world, both), 400, "MANIFEST_INVALID");
  const headers = { "content-type": ociManifest };
  const wrong = `${base}/manifests/${absentDigest}`;
  refused(await world.send("PUT", wrong, { headers, body: good }), 400, "DIGEST_INVALID");
  for (const tag of [".bad", "-bad", "x".repeat(129), "a%2fb", "a%20b"]) {
    const answer = await world.send("PUT", `${base}/manifests/${tag}`, { headers, body: good });
    assert.ok(answer.status === 400 || answer.status === 404, tag);
  }
});

worldTest("a manifest beyond the bound is refused, sized or not", {}, async (world) => {
  const large = Buffer.alloc(manifestBytesMax + 1, 32);
  refused(await pushManifest(world, large), 413, "MANIFEST_INVALID");
  const parts = [large.subarray(0, manifestBytesMax), large.subarray(0, 1_000_000)];
  const headers = { "content-type": ociManifest };
  const answer = await world.send("PUT", `${base}/manifests/v1`, { headers, parts });
  refused(answer, 413, "MANIFEST_INVALID");
});

worldTest("a manifest may come without a Content-Type", {}, async (world) => {
  const config = Buffer.from("{}");
  await world.pushBlob(repository, config);
  await world.expect(201, "PUT", `${base}/manifests/v1`, { body: manifestOf(config, []) });
});

worldTest("a body that is refused is not asked for", {}, async (world) => {
  const headers = { expect: "100-continue", "content-length": "1000000000" };
  const socket = await world.connect();
  const lines = Object.entries(headers).map(([name, text]) => `${name}: ${text}\r\n`);
  const id = "00000000-0000-4000-8000-000000000000";
  socket.write(`PATCH ${base}/blobs/uploads/${id} HTTP/1.1\r\nhost: x\r\n${lines.join("")}\r\n`);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  const answer = Buffer.concat(parts).toString();
  assert.match(answer, /^HTTP\/1.1 404 /);
  assert.match(answer, /connection: close/i);
});

worldTest("who waits for 100 Continue is told to go on", {}, async (world) => {
  const path = await world.begin(repository);
  const socket = await world.connect();
  const head = "host: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n";
  socket.write(`PATCH ${path} HTTP/1.1\r\n${head}`);
  let answer = "";
  for await (const part of socket) {
    answer += part;
    if (answer === "HTTP/1.1 100 Continue\r\n\r\n") socket.write("0123");
  }
  assert.match(answer, /HTTP\/1.1 202 Accepted/);
});

worldTest("what is not HTTP gets 400 and the door", {}, async (world) => {
  for (const [text, status] of [
    ["hello\r\n\r\n", 400],
    [`GET /v2/ HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}\r\n\r\n`, 431],
    ["GET /v2/ HTTP/1.1\r\n\r\n", 400],
  ] as const) {
    const socket = await world.connect();
    socket.write(text);
    let answer = "";
    for await (const part of socket) answer += part;
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
  }
});
