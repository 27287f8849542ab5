// Takes the body of an upload off the wire into the blob store and through the hash, in bounded
// memory: chunks are gathered in a pooled buffer; a full one is appended to the file and hashed at
// the same time, while others fill. With all of its buffers busy the client is held back.
// // hot path

import { type Env, IoError } from "@sampan/env";
import type { BlobUpload } from "../../blobs/blobs.ts";
import type { BufferPool, PooledBuffer } from "../buffer-pool.ts";
import { bufferBytesMax, copyInto } from "../buffer-pool.ts";
import type { RequestBody } from "../request.ts";
import type { StreamHash } from "./hash-pool.ts";

/** Buffers of one upload that are written and hashed while one more fills. */
const buffersBusyMax = 3;

export interface UploadIntake {
  /**
   * Drains `body` behind what `file` holds. `hash` (null: none is kept) sees every byte that the
   * file sees. Whatever happens, all that was taken is in both when it settles. Gives the bytes
   * taken. Fails as the body does, as the file does, or with `too-large` beyond `bytesMax`.
   */
  receive(body: RequestBody, target: IntakeTarget): Promise<number>;
}

export interface IntakeTarget {
  readonly file: BlobUpload;
  readonly hash: StreamHash | null;
  readonly bytesMax: number;
}

export function createUploadIntake(env: Env, deps: { readonly pool: BufferPool }): UploadIntake {
  const received = env.metrics.counter("sampan_registry_received_bytes_total", {
    help: "Bytes of blobs that clients sent.",
  });
  return {
    async receive(body: RequestBody, target: IntakeTarget): Promise<number> {
      const intake = new Intake(deps.pool, target, body.bytes ?? bufferBytesMax);
      deps.pool.enter();
      try {
        await body.drain(intake.take);
      } finally {
        await intake.settle();
        deps.pool.leave();
        received.add(intake.bytes);
      }
      return intake.bytes;
    },
  };
}

class Intake {
  bytes = 0;
  readonly #pool: BufferPool;
  readonly #target: IntakeTarget;
  readonly #wanted: number;
  #filling: PooledBuffer | null = null;
  #filled = 0;
  #busy = 0;
  #appends: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;
  #onFree: (() => void) | null = null;
  #later: Promise<void> | null = null;

  constructor(pool: BufferPool, target: IntakeTarget, wanted: number) {
    this.#pool = pool;
    this.#target = target;
    this.#wanted = wanted;
  }

  readonly take = (chunk: Uint8Array): Promise<void> | null => {
    if (this.#failure !== null) throw this.#failure.error;
    if (this.bytes + chunk.byteLength > this.#target.bytesMax) {
      throw new IoError("too-large", `more than ${this.#target.bytesMax} bytes came`);
    }
    this.bytes += chunk.byteLength;
    const rest = this.#copy(chunk);
    if (rest === null) return null;
    this.#later = this.#takeLater(rest);
    return this.#later;
  };

  /** Writes out what is left and waits for all of it. Throws what the file threw. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#later]);
    this.#flush();
    while (this.#busy > 0) await this.#aBufferIsFree();
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Null when all of it found room, else what did not. */
  #copy(chunk: Uint8Array): Uint8Array | null {
    let from = 0;
    while (from < chunk.byteLength) {
      if (this.#filling === null) {
        if (this.#busy === buffersBusyMax) return chunk.subarray(from);
        this.#filling = this.#pool.take(this.#wanted);
        this.#filled = 0;
      }
      const room = this.#filling.bytes.byteLength - this.#filled;
      const end = Math.min(from + room, chunk.byteLength);
      const part = from === 0 && end === chunk.byteLength ? chunk : chunk.subarray(from, end);
      copyInto(this.#filling.bytes, part, this.#filled);
      this.#filled += part.byteLength;
      from = end;
      if (this.#filled === this.#filling.bytes.byteLength) this.#flush();
    }
    return null;
  }

  async #takeLater(rest: Uint8Array): Promise<void> {
    for (let left: Uint8Array | null = rest; left !== null; left = this.#copy(left)) {
      await this.#aBufferIsFree();
      if (this.#failure !== null) throw this.#failure.error;
    }
  }

  #flush(): void {
    const buffer = this.#filling;
    if (buffer === null) return;
    this.#filling = null;
    this.#busy += 1;
    const bytes = buffer.bytes.subarray(0, this.#filled);
    // Behind a failed append nothing is written: the file would have a hole.
    this.#appends = this.#appends.then(() => this.#target.file.append(bytes));
    const hashed = this.#target.hash?.update(buffer, bytes.byteLength);
    const done = Promise.all([this.#appends.catch(this.#fail), hashed]);
    void done.then(() => {
      this.#busy -= 1;
      this.#pool.give(buffer);
      this.#onFree?.();
    });
  }

  readonly #fail = (error: unknown): void => {
    this.#failure ??= { error };
  };

  #aBufferIsFree(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFree = () => {
        this.#onFree = null;
        resolve();
      };
    });
  }
}
