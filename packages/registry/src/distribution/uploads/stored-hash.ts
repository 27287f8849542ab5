// The digest of bytes that are stored already: of an upload that went on after a restart or on another
// process, or whose digest is of another algorithm than the one that was hashed on the way.

import { open } from "node:fs/promises";
import { IoError } from "@sampan/env";
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
  if (body.type === "file") return await hashFile(deps, body, algorithm);
  const digester = createDigester(algorithm);
  if (body.type === "bytes") digester.update(body.bytes);
  else for await (const part of await body.open()) digester.update(part);
  return digester.finish();
}

async function hashFile(
  deps: StoredHashDeps,
  body: BlobBody & { readonly type: "file" },
  algorithm: DigestAlgorithm,
): Promise<Digest> {
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
    const hex = await hash.finish();
    if (hex === null) throw new IoError("closed", "the hashing worker ended");
    return `${algorithm}:${hex}` as Digest;
  } finally {
    hash.abandon();
    deps.pool.give(buffer);
    await file.close();
  }
}
