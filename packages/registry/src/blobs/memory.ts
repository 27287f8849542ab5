// The blob store's twin in memory, for tests and simulation. Its crash keeps what was committed and
// of every other upload a prefix of random length, or not even the name: all that the contract
// allows.

import { assert, type Env, IoError } from "@sampan/env";
import type { BlobBody, BlobLocation, BlobStat, BlobStore, BlobUpload } from "./blobs.ts";
import { checkBlobLocation, newBlobLocation } from "./location.ts";

export interface MemoryBlobs extends BlobStore {
  /** A power failure: uncommitted tails are lost, open uploads are dead. */
  crash(): void;
}

interface MemoryBlob {
  bytes: Uint8Array;
  modifiedMs: number;
  /** How much of it a crash leaves for certain; null: the name itself may go. */
  durable: number | null;
}

export function createMemoryBlobs(env: Env): MemoryBlobs {
  const blobs = new Map<BlobLocation, MemoryBlob>();
  let epoch = 0;

  function upload(location: BlobLocation, blob: MemoryBlob): BlobUpload {
    const born = epoch;
    return new MemoryUpload(location, blob, {
      now: () => env.clock.now(),
      alive: () => born === epoch,
    });
  }

  return {
    async create(): Promise<BlobUpload> {
      const location = newBlobLocation(env.random);
      const blob = { bytes: new Uint8Array(0), modifiedMs: env.clock.now(), durable: null };
      blobs.set(location, blob);
      return upload(location, blob);
    },

    async open(location: BlobLocation): Promise<BlobUpload | null> {
      const blob = blobs.get(checkBlobLocation(location));
      return blob === undefined ? null : upload(location, blob);
    },

    async stat(location: BlobLocation): Promise<BlobStat | null> {
      const blob = blobs.get(checkBlobLocation(location));
      if (blob === undefined) return null;
      return { bytes: blob.bytes.byteLength, modifiedMs: blob.modifiedMs };
    },

    body(
      location: BlobLocation,
      range: { readonly start: number; readonly end: number },
    ): BlobBody {
      const blob = blobs.get(checkBlobLocation(location));
      return {
        type: "stream",
        bytes: range.end - range.start,
        async open(): Promise<AsyncIterable<Uint8Array>> {
          if (blob === undefined)
            throw new IoError("not-found", `read blob ${location}: not found`);
          return pieces(blob.bytes.subarray(range.start, range.end));
        },
      };
    },

    async delete(location: BlobLocation): Promise<void> {
      blobs.delete(checkBlobLocation(location));
    },

    async deleteAll(locations: readonly BlobLocation[]): Promise<void> {
      for (const location of locations) blobs.delete(location);
      for (const location of locations) checkBlobLocation(location);
    },

    async list(after: BlobLocation | null, limit: number): Promise<BlobLocation[]> {
      const behind = [...blobs.keys()].filter((location) => after === null || location > after);
      return behind.sort().slice(0, limit);
    },

    crash(): void {
      epoch += 1;
      for (const [location, blob] of blobs) {
        if (blob.durable === null && env.random.int(2) === 0) {
          blobs.delete(location);
          continue;
        }
        const certain = blob.durable ?? 0;
        const kept = certain + env.random.int(blob.bytes.byteLength - certain + 1);
        blob.bytes = blob.bytes.slice(0, kept);
      }
    },
  };
}

class MemoryUpload implements BlobUpload {
  readonly location: BlobLocation;
  readonly #blob: MemoryBlob;
  readonly #world: { now(): number; alive(): boolean };
  #closed = false;

  constructor(
    location: BlobLocation,
    blob: MemoryBlob,
    world: { now(): number; alive(): boolean },
  ) {
    this.location = location;
    this.#blob = blob;
    this.#world = world;
  }

  get bytes(): number {
    return this.#blob.bytes.byteLength;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#check();
    const longer = new Uint8Array(this.bytes + chunk.byteLength);
    longer.set(this.#blob.bytes);
    longer.set(chunk, this.bytes);
    this.#blob.bytes = longer;
    this.#blob.modifiedMs = this.#world.now();
  }

  async commit(): Promise<void> {
    this.#check();
    assert(this.bytes >= (this.#blob.durable ?? 0), "a blob does not shrink");
    this.#blob.durable = this.bytes;
    this.#closed = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed || !this.#world.alive()) {
      throw new IoError("closed", `blob ${this.location} is closed`);
    }
  }
}

const pieceBytes = 64 * 1024;

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) {
    yield bytes.slice(start, start + pieceBytes);
  }
}
