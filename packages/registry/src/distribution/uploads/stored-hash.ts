// The digest of bytes that are stored already: of an upload that went on after a restart or on
// another process, or whose digest is of another algorithm than the one that was hashed on the way.

import { open } from "node:fs/promises";
import { assert, IoError } from "@sampan/env";
import { createDigester, type Digest, type DigestAlgorithm } from "@sampan/oci/model";
import type { BlobBody } from "../../blobs/blobs.ts";
import { type BufferPool, bufferBytesMax } from "../buffer-pool.ts";
import type { HashPool } from "./hash-pool.ts";

export interface StoredHashDeps {
  readonly pool: BufferPool;
  readonly hashes: HashPool;
}

export async function hashStored(
  deps: StoredHashDeps,
  body: BlobBody,
  algorithm: DigestAlgorithm,
): Promise<Digest> {
  if (body.type === "file") {
    // A worker that died takes the pool to the main thread, which cannot die alone: twice is
    // enough.
    const hex = (await hashFile(deps, body, algorithm)) ?? (await hashFile(deps, body, algorithm));
    assert(hex !== null, "the main thread hashes what a worker could not");
    return `${algorithm}:${hex}` as Digest;
  }
  const digester = createDigester(algorithm);
  if (body.type === "bytes") digester.update(body.bytes);
  else for await (const part of await body.open()) digester.update(part);
  return digester.finish();
}

async function hashFile(
  deps: StoredHashDeps,
  body: BlobBody & { readonly type: "file" },
  algorithm: DigestAlgorithm,
): Promise<string | null> {
  const file = await open(body.path);
  const hash = deps.hashes.start(algorithm);
  const buffer = deps.pool.take(Math.min(body.end - body.start, bufferBytesMax));
  try {
    for (let position = body.start; position < body.end; ) {
      const count = Math.min(buffer.bytes.byteLength, body.end - position);
      const { bytesRead } = await file.read(buffer.bytes, 0, count, position);
      if (bytesRead === 0) throw new IoError("corrupt", `${body.path} ends at ${position}`);
      await hash.update(buffer, bytesRead);
      position += bytesRead;
    }
    return await hash.finish();
  } finally {
    hash.abandon();
    deps.pool.give(buffer);
    await file.close();
  }
}
