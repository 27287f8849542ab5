import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeEnv } from "@sampan/env/node";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { startTestS3, type TestS3Server } from "../testing/s3-server.ts";
import type { S3Place } from "./objects.ts";
import { openS3Blobs } from "./open.ts";

const bucket = "blobs";
const quiet = { level: "error", format: "json", stream: { write: () => undefined } } as const;
const { clock } = createNodeEnv({ service: "test", log: quiet });
const accessKeyId = "AKIDEXAMPLE";
const prefix = "registry/";

interface Wrong {
  readonly place?: Partial<S3Place>;
  readonly owner?: string;
  readonly marker?: string;
  readonly code?: string;
}

async function open(wrong: Wrong): Promise<string | null> {
  const s3 = await startTestS3(clock, { bucket, accessKeyId });
  try {
    return await openIn(s3, wrong);
  } finally {
    await s3.close();
  }
}

async function openIn(s3: TestS3Server, wrong: Wrong): Promise<string | null> {
  const { code, marker, owner = "us" } = wrong;
  if (marker !== undefined) s3.bucket.put(`${prefix}sampan.json`, Buffer.from(marker), {});
  if (code !== undefined) s3.fault = () => ({ type: "refuse", status: 403, code });
  const place = {
    bucket,
    region: "us-east-1",
    endpoint: s3.endpoint,
    pathStyle: true,
    credentials: { accessKeyId, secretAccessKey: "top-secret" },
    ...wrong.place,
  };
  const { env } = createSimulatedWorld(1);
  const opened = await openS3Blobs(env, { place, prefix, owner, redirectSeconds: null });
  if (!opened.ok) return opened.error;
  opened.value.close();
  return null;
}

test("a bucket is opened by the one to whom its blobs belong, again and again", async () => {
  const s3 = await startTestS3(clock, { bucket, accessKeyId });
  assert.equal(await openIn(s3, {}), null);
  assert.equal(await openIn(s3, {}), null);
  const other = await openIn(s3, { owner: "them" });
  assert.match(other ?? "", /^s3:\/\/blobs\/registry\/ holds the blobs of another data directory/);
  await s3.close();
});

test("a key that may not do one of the things it will have to do is told at the start", async () => {
  const operations = ["PutObject", "ListObjectsV2", "ListMultipartUploads", "DeleteObject"];
  for (const operation of operations) {
    const s3 = await startTestS3(clock, { bucket, accessKeyId });
    s3.fault = (request) =>
      request.operation === operation
        ? { type: "refuse", status: 403, code: "AccessDenied" }
        : null;
    assert.match((await openIn(s3, {})) ?? "opened", /may not do all it must/, operation);
    await s3.close();
  }
});

test("what is wrong with the place is told with the next step, and without the secret", async () => {
  const check = async (wrong: Wrong, expected: RegExp): Promise<void> => {
    const said = await open(wrong);
    assert.match(said ?? "opened", expected);
    assert.doesNotMatch(said ?? "", /top-secret/);
  };
  const credentials = { accessKeyId: "AKIDOTHER", secretAccessKey: "top-secret" };
  await check({ place: { bucket: "absent" } }, /no such bucket; make it first.*404 NoSuchBucket/);
  await check({ place: { credentials } }, /does not know the access key; correct s3AccessKey/);
  await check({ code: "SignatureDoesNotMatch" }, /secret is not that of the access key/);
  await check({ code: "AccessDenied" }, /access key may not do all it must: get, put/);
  await check({ code: "SomethingElse" }, /403 SomethingElse; look at the settings blobs and s3/);
  await check({ marker: "{}" }, /sampan\.json is not Sampan's; choose another prefix/);
  await check({ marker: "<" }, /sampan\.json is not Sampan's; choose another prefix/);
  const newer = '{"format":"sampan-blobs","version":2,"owner":"us"}';
  await check({ marker: newer }, /has format 2, this sampan knows 1; start the newer version/);
});
