// The bytes of an object as they come. A connection that breaks, ends early or falls silent is
// followed by a request for the rest, so that a pull of gigabytes does not begin anew.

import { type Env, errorCode, errorMessage, IoError } from "@sampan/env";
import type { ObjectContent, S3Objects } from "./objects.ts";

/** Breaks without a byte in between. */
const breaksMax = 5;
const pauseMs = 100;

export interface ObjectRange {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** Resolves when S3 has answered, so that what is missing is known before a byte is promised. */
export async function openObject(
  env: Env,
  objects: S3Objects,
  range: ObjectRange,
): Promise<AsyncIterable<Uint8Array>> {
  if (range.start === range.end) return noBytes();
  return read(env, { objects, range, first: await objects.get(range.key, range) });
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

interface Reading {
  readonly objects: S3Objects;
  readonly range: ObjectRange;
  readonly first: ObjectContent;
}

async function* read(env: Env, { objects, range, first }: Reading): AsyncGenerator<Uint8Array> {
  const { key, end } = range;
  let at = range.start;
  let content: ObjectContent | null = first;
  for (let breaks = 0; at < end; breaks += 1) {
    let failure: unknown = null;
    try {
      content ??= await objects.get(key, { start: at, end });
      for await (const bytes of checked(content, end - at)) {
        at += bytes.byteLength;
        breaks = 0;
        yield bytes;
      }
    } catch (error) {
      if (errorCode(error) === "not-found" || errorCode(error) === "corrupt") throw error;
      failure = error;
    }
    content = null;
    if (at === end) return;
    if (breaks === breaksMax) throw broken(end - at, failure);
    env.log.debug("the answer of S3 broke off", { key, left: end - at });
    await env.clock.sleep(pauseMs * 2 ** breaks);
  }
}

/** Never more than was asked for, and none of an answer that speaks of another length. */
async function* checked(content: ObjectContent, wanted: number): AsyncGenerator<Uint8Array> {
  let left = wanted;
  for await (const bytes of content.body) {
    if (content.bytes !== null && content.bytes > wanted) {
      throw new IoError("corrupt", `S3 sends ${content.bytes} bytes where ${wanted} were wanted`);
    }
    if (bytes.byteLength > left) throw new IoError("corrupt", "S3 sends more than it announced");
    left -= bytes.byteLength;
    yield bytes;
  }
}

function broken(left: number, cause: unknown): IoError {
  const why = cause === null ? "its answers end early" : errorMessage(cause);
  return new IoError("io", `S3 does not give the last ${left} bytes: ${why}`, cause);
}
