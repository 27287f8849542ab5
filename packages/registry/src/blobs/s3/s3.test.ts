import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { BlobLocation, BlobStore } from "../blobs.ts";
import { blobStoreConformance, readBlobBody } from "../conformance.ts";
import {
  type S3Fault,
  type S3Request,
  startTestS3,
  type TestS3Server,
} from "../testing/s3-server.ts";
import { S3Objects, type S3Place } from "./objects.ts";
import { partBytesMin } from "./parts.ts";
import { createS3Blobs } from "./s3.ts";

const bucket = "blobs";
const quiet = { level: "error", format: "json", stream: { write: () => undefined } } as const;
const { clock } = createNodeEnv({ service: "test", log: quiet });
const accessKeyId = "AKIDEXAMPLE";
const prefix = "registry/";
let seed = 0;

blobStoreConformance("s3", async () => {
  const s3 = await startTestS3(clock, { bucket, accessKeyId });
  const opened: S3Objects[] = [];
  const open = (): BlobStore => {
    const objects = openObjects(s3);
    opened.push(objects);
    return createS3Blobs(newEnv(), { objects }, { prefix, redirectSeconds: null });
  };
  return {
    blobs: open(),
    reopen: open,
    async dispose(): Promise<void> {
      for (const objects of opened) objects.close();
      await s3.close();
    },
  };
});

test("bytes of more than a part go up as parts and read back, ranges across them too", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const whole = noise(3 * partBytesMin + 77);
    const location = await store(blobs, whole, 1 << 20);
    assert.equal(s3.counts.get("UploadPart"), 4);
    assert.equal(hash(await read(blobs, location, 0, whole.byteLength)), hash(whole));
    const [start, end] = [partBytesMin - 3, 2 * partBytesMin + 3];
    assert.ok((await read(blobs, location, start, end)).equals(whole.subarray(start, end)));
    assert.equal(s3.bucket.multiparts.size, 0);
    assert.equal(s3.bucket.objects.size, 1);
  });
});

test("a few bytes become an object by one request that carries them", async () => {
  await inBucket(async ({ s3, blobs }) => {
    await store(blobs, noise(4_000_000), 65_536);
    assert.equal(s3.counts.get("PutObject"), 1);
    assert.equal(s3.counts.get("CreateMultipartUpload"), undefined);
  });
});

test("bytes that end with a part have no empty part behind them", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const whole = noise(2 * partBytesMin);
    const location = await store(blobs, whole, 1_000_003);
    assert.equal(s3.counts.get("UploadPart"), 2);
    assert.equal((await blobs.stat(location))?.bytes, whole.byteLength);
  });
});

test("a large upload goes on behind its tail in another process", async () => {
  await inBucket(async ({ s3, blobs, restart }) => {
    const whole = noise(3 * partBytesMin + 5);
    const cuts = [0, partBytesMin + 1, partBytesMin + 2, 2 * partBytesMin - 7, whole.byteLength];
    const first = await blobs.create();
    await first.close();
    for (const [index, end] of cuts.slice(1).entries()) {
      const upload = await restart().open(first.location);
      assert.ok(upload !== null);
      assert.equal(upload.bytes, cuts[index]);
      await upload.append(whole.subarray(cuts[index], end));
      await upload.close();
      assert.equal((await restart().stat(first.location))?.bytes, end);
      assert.deepEqual(await restart().list(null, 10), [first.location]);
    }
    await (await restart().open(first.location))?.commit();
    assert.equal(hash(await read(blobs, first.location, 0, whole.byteLength)), hash(whole));
    assert.equal(s3.bucket.objects.size, 1);
    assert.equal(s3.bucket.multiparts.size, 0);
  });
});

test("what a process sent and did not close is written again by the next", async () => {
  await inBucket(async ({ s3, blobs, restart }) => {
    const whole = noise(4 * partBytesMin);
    const acknowledged = partBytesMin + 100;
    const first = await blobs.create();
    await first.append(whole.subarray(0, acknowledged));
    await first.close();
    // Dies with parts in S3 that its note does not know, and with other bytes than come next.
    const dead = await blobs.open(first.location);
    await dead?.append(noise(2 * partBytesMin));
    const upload = await restart().open(first.location);
    assert.equal(upload?.bytes, acknowledged);
    await upload?.append(whole.subarray(acknowledged));
    await upload?.commit();
    assert.equal(hash(await read(restart(), first.location, 0, whole.byteLength)), hash(whole));
    assert.equal(s3.bucket.multiparts.size, 0);
  });
});

test("an upload can be hashed where it is open, and committed after that", async () => {
  for (const bytes of [1_000, partBytesMin + 1_000]) {
    await inBucket(async ({ s3, blobs }) => {
      const whole = noise(bytes);
      const begun = await blobs.create();
      await begun.append(whole.subarray(0, 500));
      await begun.close();
      const upload = await blobs.open(begun.location);
      assert.ok(upload !== null);
      await upload.append(whole.subarray(500));
      assert.equal(hash(await read(blobs, upload.location, 0, bytes)), hash(whole));
      await assert.rejects(upload.append(whole), { code: "closed" });
      assert.equal((await blobs.stat(upload.location))?.bytes, bytes);
      assert.equal(s3.bucket.objects.size, 2);
    });
  }
});

test("a committed blob is committed again by a request that comes twice", async () => {
  await inBucket(async ({ blobs, restart }) => {
    const location = await store(blobs, noise(100), 100);
    const again = await restart().open(location);
    assert.equal(again?.bytes, 100);
    await again?.append(new Uint8Array(0));
    await again?.commit();
    assert.equal((await blobs.stat(location))?.bytes, 100);
  });
});

test("a blob is read while the request that committed it comes again", async () => {
  await inBucket(async ({ blobs }) => {
    const location = await store(blobs, noise(100), 100);
    const again = await blobs.open(location);
    const [, bytes] = await Promise.all([again?.commit(), read(blobs, location, 0, 100)]);
    assert.ok(bytes.equals(noise(100)));
  });
});

test("a note that a crash left beside its blob goes with a pass over the names", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const upload = await blobs.create();
    await upload.append(noise(100));
    await upload.close();
    const [key = ""] = s3.bucket.objects.keys();
    const note = s3.bucket.objects.get(key);
    assert.ok(note !== undefined);
    await (await blobs.open(upload.location))?.commit();
    s3.bucket.objects.set(key, note);
    assert.equal((await blobs.open(upload.location))?.bytes, 100);
    assert.deepEqual(await blobs.list(null, 10), [upload.location]);
    assert.deepEqual([...s3.bucket.objects.keys()], [`${prefix}blobs/${upload.location}`]);
  });
});

test("deleting leaves nothing of an upload that a crash left, whatever it was about", async () => {
  await inBucket(async ({ s3, blobs, restart }) => {
    const upload = await blobs.create();
    await upload.append(noise(partBytesMin + 1)); // dies here, unclosed
    while (s3.bucket.multiparts.size === 0) await new Promise(setImmediate);
    const listed = await restart().list(null, 10);
    assert.deepEqual(listed, [upload.location]);
    await upload.close();
    s3.bucket.start(`${prefix}blobs/${upload.location}`); // of a retry of CreateMultipartUpload
    await restart().delete(upload.location);
    assert.equal(s3.bucket.multiparts.size, 0);
    assert.equal(s3.bucket.objects.size, 0);
  });
});

const throttled: S3Fault = { type: "refuse", status: 503, code: "SlowDown" };
const failing: S3Fault = { type: "refuse", status: 500, code: "InternalError" };

/** Each with bytes for a single object and for a multipart upload. */
function checkPush(sentence: string, fault: (request: S3Request) => S3Fault | null): void {
  test(`a push goes through when ${sentence}`, async () => {
    for (const bytes of [70_000, 2 * partBytesMin + 70_000]) {
      await inBucket(async ({ s3, blobs, restart }) => {
        s3.fault = fault;
        const whole = noise(bytes);
        const upload = await blobs.create();
        await upload.append(whole.subarray(0, 50_000));
        await upload.close();
        const again = await restart().open(upload.location);
        await again?.append(whole.subarray(50_000));
        await again?.commit();
        assert.equal(hash(await read(blobs, upload.location, 0, bytes)), hash(whole));
        assert.equal(s3.bucket.objects.size, 1);
        assert.equal(s3.bucket.multiparts.size, 0);
      });
    }
  });
}

checkPush("every request is throttled once", ({ count }) => (count % 2 === 1 ? throttled : null));
checkPush("every request fails once", ({ count }) => (count % 2 === 1 ? failing : null));
checkPush("what was done is answered with 500", ({ count }) =>
  count % 2 === 1 ? { type: "done-but-500" } : null,
);
checkPush("answers are lost after the work", ({ count }) =>
  count % 2 === 1 ? { type: "done-but-cut" } : null,
);
checkPush("connections break while bytes go up", ({ operation, count }) =>
  count % 2 === 1 && (operation === "PutObject" || operation === "UploadPart")
    ? { type: "cut" }
    : null,
);
checkPush("the first complete fails in a body of 200", ({ operation, count }) =>
  operation === "CompleteMultipartUpload" && count === 1 ? { type: "200-with-error" } : null,
);
checkPush("bodies of answers break off or end early", ({ operation, count }) => {
  if (operation !== "GetObject") return null;
  const types = ["cut-body", "short-body", "none"] as const;
  const type = types[count % 3] ?? "none";
  return type === "none" || count < 3 ? null : { type, bytes: 1_000 };
});
checkPush("every answer takes its time", () => ({ type: "slow", ms: 20 }));

test("a push fails, and says why, when S3 never takes its bytes", async () => {
  await inBucket(async ({ s3, blobs }) => {
    s3.fault = ({ operation }) => (operation === "UploadPart" ? forbidden : null);
    const upload = await blobs.create();
    await upload.append(noise(partBytesMin));
    await assert.rejects(upload.close(), {
      name: "IoError",
      code: "io",
      message: /^append blob [0-9a-f/-]+: put part 1: S3 answered 403: AccessDenied/,
    });
    s3.fault = () => null;
    await blobs.delete(upload.location);
    assert.equal(s3.bucket.objects.size + s3.bucket.multiparts.size, 0);
  });
});

test("a commit that S3 took wrongly is no commit", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const upload = await blobs.create();
    await upload.append(noise(100));
    s3.fault = ({ operation }) => {
      if (operation !== "HeadObject") return null;
      for (const key of s3.bucket.objects.keys()) s3.bucket.put(key, Buffer.alloc(7), {});
      return null;
    };
    await assert.rejects(upload.commit(), { code: "corrupt", message: /took 100 bytes and has 7/ });
  });
});

test("a service that does not know conditions of a write is written to without", async () => {
  await inBucket(async ({ s3, blobs }) => {
    s3.fault = ({ operation, count }) =>
      operation === "PutObject" && count === 1
        ? { type: "refuse", status: 501, code: "NotImplemented" }
        : null;
    const location = await store(blobs, noise(10), 10);
    assert.equal((await blobs.stat(location))?.bytes, 10);
  });
});

test("a full service is told from one that is busy", async () => {
  const check = async (status: number, code: string, expected: string): Promise<void> => {
    await inBucket(async ({ s3, blobs }) => {
      s3.fault = () => ({ type: "refuse", status, code });
      const upload = await blobs.create();
      await assert.rejects(upload.close(), { code: expected, message: new RegExp(code) });
    });
  };
  await check(403, "QuotaExceeded", "disk-full");
  await check(400, "InvalidRequest", "io");
  await check(503, "SlowDown", "unavailable");
});

test("a blob that S3 has cut short is damaged, whatever its answers say", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const location = await store(blobs, noise(1_000), 1_000);
    s3.bucket.put(`${prefix}blobs/${location}`, Buffer.alloc(10), {});
    await assert.rejects(read(blobs, location, 0, 1_000), { code: "corrupt" });
    await assert.rejects(read(blobs, location, 500, 1_000), { code: "corrupt" });
    s3.fault = ({ operation }) => (operation === "GetObject" ? { type: "whole-body" } : null);
    await assert.rejects(read(blobs, location, 5, 6), { code: "corrupt" });
  });
});

test("an answer that ends early again and again without a byte is given up", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const location = await store(blobs, noise(1_000), 1_000);
    s3.fault = ({ operation }) =>
      operation === "GetObject" ? { type: "short-body", bytes: 0 } : null;
    await assert.rejects(read(blobs, location, 0, 1_000), { code: "io", message: /end early/ });
  });
});

test("a signed URL gives the blob to one who has no key, and only where it is wished", async () => {
  await inBucket(async ({ s3, blobs }) => {
    const location = await store(blobs, noise(1_000), 1_000);
    const body = blobs.body(location, { start: 0, end: 1_000 });
    assert.ok(body.type === "stream" && body.signedUrl === undefined);
    const objects = openObjects(s3);
    const signing = createS3Blobs(newEnv(), { objects }, { prefix, redirectSeconds: 60 });
    const signed = signing.body(location, { start: 0, end: 1_000 });
    assert.ok(signed.type === "stream" && signed.signedUrl !== undefined);
    const answer = await fetch(await signed.signedUrl());
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(noise(1_000)));
    objects.close();
  });
});

const forbidden: S3Fault = { type: "refuse", status: 403, code: "AccessDenied" };

interface World {
  readonly s3: TestS3Server;
  readonly blobs: BlobStore;
  /** The store as another process has it. */
  restart(): BlobStore;
}

async function inBucket(work: (world: World) => Promise<void>): Promise<void> {
  const s3 = await startTestS3(clock, { bucket, accessKeyId });
  const objects = openObjects(s3);
  const restart = (): BlobStore =>
    createS3Blobs(newEnv(), { objects }, { prefix, redirectSeconds: null });
  try {
    await work({ s3, blobs: restart(), restart });
  } finally {
    objects.close();
    await s3.close();
  }
}

/** Pauses take no time. */
function newEnv(): Env {
  seed += 1;
  const { env } = createSimulatedWorld(seed);
  return { ...env, clock: { ...clock, now: () => clock.now(), sleep: async () => undefined } };
}

function openObjects(s3: TestS3Server): S3Objects {
  return new S3Objects(newEnv(), placeOf(s3), { failureMs: 1, throttleMs: 1 });
}

function placeOf(s3: TestS3Server): S3Place {
  return {
    bucket,
    region: "us-east-1",
    endpoint: s3.endpoint,
    pathStyle: true,
    credentials: { accessKeyId, secretAccessKey: "secret" },
  };
}

async function store(blobs: BlobStore, whole: Buffer, chunk: number): Promise<BlobLocation> {
  const upload = await blobs.create();
  for (let at = 0; at < whole.byteLength; at += chunk) {
    await upload.append(whole.subarray(at, at + chunk));
  }
  await upload.commit();
  return upload.location;
}

async function read(
  blobs: BlobStore,
  location: BlobLocation,
  start: number,
  end: number,
): Promise<Buffer> {
  return await readBlobBody(blobs.body(location, { start, end }));
}

function noise(bytes: number): Buffer {
  const block = createHash("sha512").update("noise").digest();
  const whole = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += block.byteLength) {
    block.writeUInt32LE(at);
    block.copy(whole, at);
  }
  return whole;
}

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
