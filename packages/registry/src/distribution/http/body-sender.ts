// Moves a reply's body to the client. A file goes through two pooled buffers: one is read while the
// other is on its way, and a slow client holds back the reading. // hot path

import { type FileHandle, open } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { errorCode, errorMessage, IoError } from "@sampan/env";
import type { BlobBody } from "../../blobs/blobs.ts";
import type { BufferPool, PooledBuffer } from "../buffer-pool.ts";

/** Of one write to a client; larger ones are not faster. */
const sentBytesMax = 1024 * 1024;

export type FileBody = BlobBody & { readonly type: "file" };

/**
 * Opened before the head is written, so that a file that is gone can still be answered with 500.
 */
export async function openBodyFile(body: FileBody): Promise<FileHandle> {
  try {
    return await open(body.path);
  } catch (error) {
    const code = errorCode(error) === "ENOENT" ? "corrupt" : "io";
    throw new IoError(code, `bytes that a record names: ${errorMessage(error)}`, error);
  }
}

/**
 * Sends the bytes behind a head that was written; fails with `aborted` when the client goes away.
 */
export async function sendFile(
  response: ServerResponse,
  what: { readonly file: FileHandle; readonly body: FileBody },
  pool: BufferPool,
): Promise<void> {
  const { file, body } = what;
  let sending: Promise<boolean> = Promise.resolve(true);
  pool.enter();
  try {
    for (let position = body.start; position < body.end; ) {
      const left = body.end - position;
      const buffer = pool.take(Math.min(left, sentBytesMax));
      const count = await readInto(file, buffer, { position, left });
      const goesOn = (await sending) && count > 0;
      if (!goesOn) pool.give(buffer);
      if (count === 0) throw new IoError("corrupt", `${body.path} ends ${left} bytes early`);
      if (!goesOn) throw clientGone();
      sending = sendBuffer(response, buffer.bytes.subarray(0, count));
      void sending.then(() => pool.give(buffer));
      position += count;
    }
    if (!(await sending)) throw clientGone();
  } finally {
    await sending;
    pool.leave();
    await file.close();
  }
}

/** 0: the file is shorter than its record says. */
async function readInto(
  file: FileHandle,
  buffer: PooledBuffer,
  from: { readonly position: number; readonly left: number },
): Promise<number> {
  const count = Math.min(buffer.bytes.byteLength, from.left);
  const { bytesRead } = await file.read(buffer.bytes, 0, count, from.position);
  return bytesRead;
}

/** Bytes that come as they come, opened before the head for the same reason as a file. */
export async function sendStream(
  response: ServerResponse,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const part of stream) {
    if (!(await sendBuffer(response, part))) throw clientGone();
  }
}

/**
 * True when the system has taken the bytes, false when the client is gone; either way the memory is
 * free again. Never fails: a promise that nobody waits for yet must not end the process.
 */
function sendBuffer(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = (): void => resolve(false);
    if (response.closed || response.destroyed) return gone();
    response.once("close", gone);
    response.write(bytes, (error) => {
      response.removeListener("close", gone);
      resolve(error === undefined || error === null);
    });
  });
}

function clientGone(): IoError {
  return new IoError("aborted", "the client went away");
}
