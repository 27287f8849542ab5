import assert from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { computeDigest } from "@sampan/oci/model";
import type { BlobUpload } from "../../blobs/blobs.ts";
import { readBlobBody } from "../../blobs/conformance.ts";
import { createMemoryBlobs } from "../../blobs/memory.ts";
import { BufferPool, bufferBytesMax } from "../buffer-pool.ts";
import type { RequestBody, TakeChunk } from "../request.ts";
import { HashPool } from "./hash-pool.ts";
import { createUploadIntake } from "./intake.ts";

const env = createSimulatedWorld(1).env;

/** Sends the chunks, each in a buffer that is overwritten once it was taken; then fails or ends. */
function bodyOf(chunks: readonly Buffer[], failure: IoError | null = null): RequestBody {
  return {
    bytes: null,
    async drain(take: TakeChunk): Promise<void> {
      for (const chunk of chunks) {
        const sent = Buffer.from(chunk);
        const full = take(sent);
        if (full !== null) await full;
        sent.fill(0);
      }
      if (failure !== null) throw failure;
    },
  };
}

function chunksOf(total: number, each: number): Buffer[] {
  const whole = Buffer.alloc(total);
  for (let index = 0; index < total; index += 1) whole[index] = (index * 7 + (index >> 9)) & 255;
  const chunks: Buffer[] = [];
  for (let at = 0; at < total; at += each) chunks.push(whole.subarray(at, at + each));
  return chunks;
}

async function receive(
  chunks: readonly Buffer[],
  options: { failure?: IoError; bytesMax?: number; file?: (file: BlobUpload) => BlobUpload } = {},
) {
  const blobs = createMemoryBlobs(env);
  const upload = await blobs.create();
  const file = options.file?.(upload) ?? upload;
  const hash = new HashPool(env, { workersMax: 0 }).start("sha256");
  const intake = createUploadIntake(env, { pool: new BufferPool() });
  const bytesMax = options.bytesMax ?? Number.MAX_SAFE_INTEGER;
  let error: unknown = null;
  let bytes = 0;
  try {
    const body = bodyOf(chunks, options.failure ?? null);
    bytes = await intake.receive(body, { file, hash, bytesMax });
  } catch (caught) {
    error = caught;
  }
  const stored = await readBlobBody(blobs.body(upload.location, { start: 0, end: upload.bytes }));
  return { bytes, error, stored, hash };
}

for (const [total, each] of [
  [0, 1],
  [1, 1],
  [1_000, 7],
  [1 << 20, 1 << 20],
  [(1 << 20) + 1, 65_536],
  [bufferBytesMax, 65_536],
  [bufferBytesMax + 1, 65_536],
  [5_000_000, 65_536],
  [9_000_000, 3_000_000],
] as const) {
  test(`${total} bytes in chunks of ${each} are stored and hashed in order`, async () => {
    const chunks = chunksOf(total, each);
    const { bytes, error, stored, hash } = await receive(chunks);
    assert.equal(error, null);
    assert.equal(bytes, total);
    assert.equal(computeDigest(stored), computeDigest(Buffer.concat(chunks)));
    assert.equal(`sha256:${await hash.finish()}`, computeDigest(stored));
  });
}

test("all that came before the client went away is stored, and hashed no less", async () => {
  const chunks = chunksOf(4_500_000, 65_536);
  const failure = new IoError("aborted", "gone");
  const { error, stored, hash } = await receive(chunks, { failure });
  assert.equal(error, failure);
  assert.equal(stored.byteLength, 4_500_000);
  assert.equal(hash.bytes, 4_500_000);
  assert.equal(`sha256:${await hash.finish()}`, computeDigest(stored));
});

test("more bytes than may come end the body", async () => {
  const { error, stored } = await receive(chunksOf(1_000, 300), { bytesMax: 700 });
  assert.ok(error instanceof IoError);
  assert.equal(error.code, "too-large");
  assert.equal(stored.byteLength, 600);
});

test("a disk that fails ends the body, and nothing is written behind the hole", async () => {
  let appends = 0;
  const failing = (file: BlobUpload): BlobUpload => ({
    location: file.location,
    get bytes() {
      return file.bytes;
    },
    async append(chunk) {
      appends += 1;
      if (appends === 2) throw new IoError("disk-full", "full");
      await file.append(chunk);
    },
    commit: () => file.commit(),
    close: () => file.close(),
  });
  const { error, stored } = await receive(chunksOf(20_000_000, 1 << 20), { file: failing });
  assert.ok(error instanceof IoError);
  assert.equal(error.code, "disk-full");
  assert.equal(appends, 2);
  assert.equal(stored.byteLength, bufferBytesMax);
});
