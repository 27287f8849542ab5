// The registry with its blobs in S3, over sockets: two processes on one store and one bucket, so
// that whatever one of them remembers, the other does not.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import test from "node:test";
import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import { computeDigest } from "@sampan/oci/model";
import { createHttpServer, createRegistry, initialise } from "@sampan/registry";
import { openS3Blobs } from "@sampan/registry/blobs/s3";
import { startTestS3, type TestS3Server } from "@sampan/registry/blobs/s3/testing";

const bucket = "images";
const accessKeyId = "AKID";
const options = {
  version: "test",
  externalUrl: null,
  auth: "none",
  uploadExpiryMs: 60_000,
  graceMs: 60_000,
  hashWorkers: 0,
} as const;

interface Registry {
  readonly base: string;
  close(): Promise<void>;
}

interface World {
  readonly s3: TestS3Server;
  readonly first: Registry;
  readonly second: Registry;
}

async function startRegistry(
  env: Env,
  parts: { readonly store: Store; readonly s3: TestS3Server },
  setup: { readonly instance: string; readonly redirectSeconds: number | null },
): Promise<Registry> {
  const { store, s3 } = parts;
  const credentials = { accessKeyId, secretAccessKey: "secret" };
  const opened = await openS3Blobs(env, {
    place: { bucket, region: "us-east-1", endpoint: s3.endpoint, pathStyle: true, credentials },
    prefix: "",
    owner: "test",
    redirectSeconds: setup.redirectSeconds,
    pauses: { failureMs: 1, throttleMs: 1 },
  });
  assert.ok(opened.ok);
  const { blobs } = opened.value;
  const { instance } = setup;
  const registry = createRegistry(env, { store, blobs }, { ...options, instance });
  await registry.ready();
  const server = createHttpServer(env, registry, { stallMs: 30_000 }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}/v2/library/s3`,
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await registry.close();
      opened.value.close();
    },
  };
}

async function inWorld(
  redirectSeconds: number | null,
  work: (world: World) => Promise<void>,
): Promise<void> {
  const quiet = { level: "error", format: "json", stream: { write: () => undefined } } as const;
  const env = createNodeEnv({ service: "test", log: quiet });
  const engine = createMemoryEngine(env, {});
  const store = await openEmbeddedStore(env, { engine }, {});
  await initialise(env, store, { adminPassword: "correct-horse-battery" });
  const s3 = await startTestS3(env.clock, { bucket, accessKeyId });
  const start = (instance: string): Promise<Registry> =>
    startRegistry(env, { store, s3 }, { instance, redirectSeconds });
  const [first, second] = [await start("first"), await start("second")];
  try {
    await work({ s3, first, second });
  } finally {
    await first.close();
    await second.close();
    await s3.close();
    await store.close();
    await engine.close();
  }
}

async function expect(status: number, url: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(url, { redirect: "manual", ...init });
  assert.equal(answer.status, status, `${init.method ?? "GET"} ${url}`);
  return answer;
}

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}

/** The path of the upload, good for either registry. */
async function begin(registry: Registry): Promise<string> {
  const answer = await expect(202, `${registry.base}/blobs/uploads/`, { method: "POST" });
  await answer.arrayBuffer();
  return new URL(answer.headers.get("location") ?? "", registry.base).pathname;
}

test("an upload goes on in another process, and is pulled from either, whole and by range", async () => {
  await inWorld(null, async ({ s3, first, second }) => {
    const whole = randomBytes(12_345_678);
    const digest = computeDigest(whole);
    const path = await begin(first);
    const cut = 5_555_555;
    for (const [registry, from, to] of [
      [first, 0, cut],
      [second, cut, whole.byteLength],
    ] as const) {
      const headers = { "content-range": `${from}-${to - 1}` };
      const body = whole.subarray(from, to);
      const url = new URL(path, registry.base).href;
      const answer = await expect(202, url, { method: "PATCH", headers, body });
      assert.equal(answer.headers.get("range"), `0-${to - 1}`);
    }
    await expect(201, new URL(`${path}?digest=${digest}`, first.base).href, { method: "PUT" });
    for (const { base } of [first, second]) {
      const url = `${base}/blobs/${digest}`;
      assert.ok((await bytesOf(await expect(200, url))).equals(whole));
      const part = await expect(206, url, { headers: { range: "bytes=5242879-5242880" } });
      assert.ok((await bytesOf(part)).equals(whole.subarray(5_242_879, 5_242_881)));
    }
    const left = [...s3.bucket.objects.keys()].filter((key) => key !== "sampan.json");
    assert.equal(left.length, 1);
    assert.equal(s3.bucket.multiparts.size, 0);
  });
});

test("a wrong digest leaves nothing in the bucket", async () => {
  await inWorld(null, async ({ s3, first }) => {
    const path = `${await begin(first)}?digest=${computeDigest(Buffer.from("other"))}`;
    const body = randomBytes(6_000_000);
    await expect(400, new URL(path, first.base).href, { method: "PUT", body });
    assert.deepEqual([...s3.bucket.objects.keys()], ["sampan.json"]);
    assert.equal(s3.bucket.multiparts.size, 0);
  });
});

test("a pull is sent to S3 by a URL that needs no credentials, where that is wished", async () => {
  await inWorld(60, async ({ first }) => {
    const whole = randomBytes(100_000);
    const digest = computeDigest(whole);
    const path = `${await begin(first)}?digest=${digest}`;
    await expect(201, new URL(path, first.base).href, { method: "PUT", body: whole });
    const url = `${first.base}/blobs/${digest}`;
    const answer = await expect(307, url);
    assert.equal(answer.headers.get("docker-content-digest"), digest);
    assert.ok(
      (await bytesOf(await expect(200, answer.headers.get("location") ?? ""))).equals(whole),
    );
    const headers = { range: "bytes=7-9" };
    const part = await expect(206, url, { redirect: "follow", headers });
    assert.ok((await bytesOf(part)).equals(whole.subarray(7, 10)));
    const head = await expect(200, url, { method: "HEAD" });
    assert.equal(head.headers.get("content-length"), "100000");
  });
});

test("while S3 is away requests are answered with 503, and a push begun before can go on", async () => {
  await inWorld(null, async ({ s3, first }) => {
    const path = await begin(first);
    s3.fault = () => ({ type: "refuse", status: 503, code: "SlowDown" });
    const url = new URL(path, first.base).href;
    const answer = await expect(503, url, { method: "PATCH", body: Buffer.from("abc") });
    assert.equal(answer.headers.get("retry-after"), "1");
    s3.fault = () => null;
    const digest = computeDigest(Buffer.from("abc"));
    await expect(201, `${url}?digest=${digest}`, { method: "PUT", body: Buffer.from("abc") });
  });
});
