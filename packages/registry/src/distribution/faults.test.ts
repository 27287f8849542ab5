// When the world fails: clients that vanish or fall silent, a disk that is full, a process that
// ends in the middle, a store that does to us what a cluster may do. Nothing that was acknowledged
// is lost.

import assert from "node:assert/strict";
import { once } from "node:events";
import { truncate } from "node:fs/promises";
import { request } from "node:http";
import type { Socket } from "node:net";
import { IoError } from "@sampan/env";
import { type StrictRates, strictStorm } from "@sampan/kv/txn/strict";
import { computeDigest } from "@sampan/oci/model";
import type { BlobLocation, BlobStore, BlobUpload } from "../blobs/blobs.ts";
import { errorCodes } from "./testing/http-client.ts";
import {
  manifestOf,
  ociManifest,
  type RegistryWorld,
  worldTest,
} from "./testing/registry-world.ts";

const repository = "library/app";
const base = `/v2/${repository}`;

/** Long enough for a busy machine to run what is not stalled. */
const stallMs = 1_500;

/** Sends some of a body that is announced as longer; gives the request, still open. */
async function sendSome(world: RegistryWorld, path: string, sent: Buffer, announced: number) {
  const { hostname, port } = new URL(world.origin);
  const headers = { "content-length": String(announced) };
  const going = request({ hostname, port, path, method: "PATCH", headers, agent: false });
  going.on("error", () => undefined);
  await new Promise<void>((resolve) => going.write(sent, () => resolve()));
  return going;
}

/** Until the upload holds that many bytes: the server's own progress, no time of ours. */
async function untilStored(world: RegistryWorld, path: string, bytes: number): Promise<void> {
  for (;;) {
    const answer = await world.expect(204, "GET", path);
    if (answer.headers.range === `0-${bytes - 1}`) return;
  }
}

worldTest("a client that vanishes can go on where it was", {}, async (world) => {
  const path = await world.begin(repository);
  const whole = Buffer.alloc(300_000, "abcdef");
  const going = await sendSome(world, path, whole.subarray(0, 100_000), whole.byteLength);
  going.destroy();
  await untilStored(world, path, 100_000);
  const rest = { body: whole.subarray(100_000), headers: { "content-range": "100000-299999" } };
  await world.expect(202, "PATCH", path, rest);
  await world.expect(201, "PUT", `${path}?digest=${computeDigest(whole)}`);
  const answer = await world.expect(200, "GET", `${base}/blobs/${computeDigest(whole)}`);
  assert.equal(computeDigest(answer.body), computeDigest(whole));
});

worldTest("a client that falls silent is cut off, what it sent stays", { stallMs }, async (w) => {
  const path = await w.begin(repository);
  const going = await sendSome(w, path, Buffer.from("0123"), 10);
  await new Promise((resolve) => going.once("close", resolve));
  await untilStored(w, path, 4);
  const headers = { "content-range": "4-5" };
  await w.expect(202, "PATCH", path, { body: "45", headers });
});

worldTest("a client that takes nothing is cut off", { stallMs }, async (world) => {
  const bytes = Buffer.alloc(32 * 1024 * 1024, 1);
  const digest = await world.pushBlob(repository, bytes);
  const connected = once(world.server, "connection");
  const socket = await world.connect();
  const [serverSide] = (await connected) as [Socket];
  socket.pause();
  socket.write(`GET ${base}/blobs/${digest} HTTP/1.1\r\nhost: x\r\n\r\n`);
  await once(serverSide, "close");
  assert.ok(serverSide.bytesWritten < bytes.byteLength);
  socket.destroy();
  await world.expect(200, "GET", "/v2/");
});

worldTest("two writers of one upload: one is told to wait its turn", {}, async (world) => {
  const path = await world.begin(repository);
  const going = await sendSome(world, path, Buffer.from("0123"), 8);
  for (let told = false; !told; ) {
    const headers = { "content-range": "4-7" };
    const refused = await world.send("PATCH", path, { body: "xxxx", headers });
    assert.equal(refused.status, 416);
    assert.deepEqual(errorCodes(refused), ["BLOB_UPLOAD_INVALID"]);
    told = refused.body.includes("another request is writing");
  }
  going.end("4567");
  const [response] = await once(going, "response");
  assert.equal(response.statusCode, 202);
  response.resume();
  const digest = computeDigest(Buffer.from("01234567"));
  await world.expect(201, "PUT", `${path}?digest=${digest}`);
});

worldTest("an upload goes on in the next process", {}, async (world) => {
  const path = await world.begin(repository);
  await world.expect(202, "PATCH", path, { body: "0123" });
  await world.restart();
  assert.equal((await world.expect(204, "GET", path)).headers.range, "0-3");
  await world.expect(202, "PATCH", path, { body: "45", headers: { "content-range": "4-5" } });
  await world.restart();
  const digest = computeDigest(Buffer.from("01234567"));
  await world.expect(201, "PUT", `${path}?digest=${digest}`, { body: "67" });
  await world.restart();
  const answer = await world.expect(200, "GET", `${base}/blobs/${digest}`);
  assert.equal(answer.body.toString(), "01234567");
});

worldTest("what was pushed is there after a restart", {}, async (world) => {
  const { digest, manifest, layer } = await world.pushImage(repository, "v1", "a");
  await world.restart();
  const answer = await world.expect(200, "GET", `${base}/manifests/v1`);
  assert.deepEqual(answer.body, manifest);
  assert.equal(answer.headers["docker-content-digest"], digest);
  const blob = await world.expect(200, "GET", `${base}/blobs/${computeDigest(layer)}`);
  assert.deepEqual(blob.body, layer);
  await world.check();
});

/** The disk is full from the byte `room` on, of all uploads together. */
function fillingUp(room: { bytes: number }): (blobs: BlobStore) => BlobStore {
  const full = () => new IoError("disk-full", "no space left on device");
  const wrap = (upload: BlobUpload): BlobUpload => ({
    location: upload.location,
    get bytes() {
      return upload.bytes;
    },
    async append(chunk) {
      if (chunk.byteLength > room.bytes) throw full();
      room.bytes -= chunk.byteLength;
      await upload.append(chunk);
    },
    async commit() {
      if (room.bytes <= 0) throw full();
      await upload.commit();
    },
    close: () => upload.close(),
  });
  return (blobs) => ({
    ...blobs,
    create: async () => wrap(await blobs.create()),
    open: async (location) => {
      const upload = await blobs.open(location);
      return upload === null ? null : wrap(upload);
    },
  });
}

const room = { bytes: 0 };

worldTest(
  "a full disk: 503, nothing kept, fine again with room",
  { wrapBlobs: fillingUp(room) },
  async (w) => {
    room.bytes = 10;
    const path = await w.begin(repository);
    const body = Buffer.from("more than ten bytes");
    const patch = await w.send("PATCH", path, { body });
    assert.equal(patch.status, 503);
    assert.match(patch.body.toString(), /no space is left/);
    assert.equal(patch.headers["retry-after"], "60");
    assert.deepEqual(await w.blobs.list(null, 10), []);
    await w.expect(404, "GET", path);
    assert.ok(w.lines.some((line) => line.includes("no space is left")));
    room.bytes = 1_000;
    const digest = await w.pushBlob(repository, body);
    assert.deepEqual((await w.expect(200, "GET", `${base}/blobs/${digest}`)).body, body);
  },
);

worldTest(
  "bytes that a record names and that are gone: 500, said in the log",
  {},
  async (world) => {
    const digest = await world.pushBlob(repository, Buffer.from("x"));
    for (const location of await world.blobs.list(null, 10)) await world.blobs.delete(location);
    await world.expect(500, "GET", `${base}/blobs/${digest}`);
    assert.ok(world.lines.some((line) => line.includes("bytes that a record names")));
  },
);

worldTest(
  "a blob whose bytes are gone or cut short is not there for a push, and heals by it",
  {},
  async (world) => {
    const bytes = Buffer.from("0123456789");
    const damages = [
      (location: BlobLocation) => world.blobs.delete(location),
      async (location: BlobLocation) => {
        const { path } = world.blobs.body(location, { start: 0, end: 10 }) as { path: string };
        await truncate(path, 4);
      },
    ];
    for (const damage of damages) {
      const digest = await world.pushBlob(repository, bytes);
      // The mounts below leave uploads behind, which hold nothing.
      for (const location of await world.blobs.list(null, 10)) {
        if ((await world.blobs.stat(location))?.bytes === bytes.length) await damage(location);
      }
      await world.expect(404, "HEAD", `${base}/blobs/${digest}`);
      const elsewhere = "/v2/library/other/blobs/uploads/";
      await world.expect(202, "POST", `${elsewhere}?mount=${digest}&from=${repository}`);
      await world.expect(202, "POST", `${elsewhere}?mount=${digest}`);
      assert.ok(world.lines.some((line) => line.includes("missing or cut short")));
      await world.pushBlob(repository, bytes);
      await world.expect(200, "HEAD", `${base}/blobs/${digest}`);
      const healed = await world.expect(200, "GET", `${base}/blobs/${digest}`);
      assert.deepEqual(healed.body, bytes);
      await world.expect(201, "POST", `${elsewhere}?mount=${digest}&from=${repository}`);
      await world.check();
    }
  },
);

/** The storm's chances, without its waits: these tests run in real time. */
const storm: StrictRates = { ...strictStorm, lockedReadMsMax: 2, lateCommitMsMax: 5 };
const attemptsMax = 40;

/** Sends again what was turned away, as a client does. */
async function patiently(world: RegistryWorld, send: () => ReturnType<RegistryWorld["send"]>) {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send();
    if (answer.status < 500) return answer;
    assert.equal(answer.status, 503, answer.body.toString());
    assert.ok(attempt < attemptsMax, "turned away too often");
    assert.ok(world.lines.every((line) => !line.includes('"level":"error"')));
  }
}

worldTest(
  "on a store in a storm no answer is wrong and nothing is half done",
  { rates: storm },
  async (w) => {
    const headers = { "content-type": ociManifest };
    for (let round = 0; round < 25; round += 1) {
      const name = `library/app${round % 3}`;
      const config = Buffer.from(`{"round":${round}}`);
      const pushed = computeDigest(config);
      const post = `/v2/${name}/blobs/uploads/?digest=${pushed}`;
      const blob = await patiently(w, () => w.send("POST", post, { body: config }));
      assert.equal(blob.status, 201);
      const body = manifestOf(config, []);
      const path = `/v2/${name}/manifests/v${round % 4}`;
      const put = await patiently(w, () => w.send("PUT", path, { headers, body }));
      assert.equal(put.status, 201, put.body.toString());
      const got = await patiently(w, () => w.send("GET", path));
      assert.deepEqual(got.body, body);
      if (round % 5 !== 4) continue;
      const gone = await patiently(w, () =>
        w.send("DELETE", `/v2/${name}/manifests/${computeDigest(body)}`),
      );
      assert.ok(gone.status === 202 || gone.status === 404);
      assert.equal((await patiently(w, () => w.send("GET", path))).status, 404);
    }
    await w.check();
  },
);

worldTest(
  "in a storm a chunked upload loses nothing it was told is stored",
  { rates: storm },
  async (w) => {
    for (let round = 0; round < 10; round += 1) {
      const begun = await patiently(w, () => w.send("POST", `${base}/blobs/uploads/`));
      assert.equal(begun.status, 202);
      const path = String(begun.headers.location);
      const patched = await patiently(w, () =>
        w.send("PATCH", path, { body: "0123", headers: { "content-range": "0-3" } }),
      );
      assert.equal(patched.status, 202);
      const digest = computeDigest(Buffer.from("01234567"));
      const put = await patiently(w, () =>
        w.send("PUT", `${path}?digest=${digest}`, { body: "4567" }),
      );
      assert.ok(put.status === 201 || put.status === 404, `${put.status}`);
      const got = await patiently(w, () => w.send("GET", `${base}/blobs/${digest}`));
      assert.equal(got.body.toString(), "01234567");
    }
    await w.check();
  },
);
