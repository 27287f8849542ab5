// One upload into S3. Bytes are gathered to parts and sent while more come; few bytes never become
// a multipart upload at all, but one object at the end.
//
// What lies in S3, and what a crash between any two requests leaves:
//
//   close    parts, then the note (note.ts), which alone says what was acknowledged
//   commit   the last part, then the complete object, then the note is deleted
//   large    a note comes before the first part: whatever has a multipart upload is listed by a
//            note or by the object, and `delete` aborts all multipart uploads of its location
//
// Where the complete object is, it alone counts: a note beside it is what a crash left.

import { assert, errorMessage, IoError, type Log } from "@sampan/env";
import type { BlobLocation, BlobUpload } from "../blobs.ts";
import { encodeNote, noteBytes, type StoredPart, type UploadNote } from "./note.ts";
import type { S3Objects } from "./objects.ts";
import { PartBuffer, type PartMemory } from "./part-buffer.ts";
import { partBytes, partBytesMin, partsMax, partsOnTheWayMax } from "./parts.ts";
import type { Slots } from "./slots.ts";

export interface UploadParts {
  readonly log: Log;
  readonly location: BlobLocation;
  readonly objects: S3Objects;
  /** Of the complete object, and of the note. */
  readonly keys: { readonly object: string; readonly note: string };
  /** What is there: nothing yet, a note, or the complete object with so many bytes. */
  readonly stored: StoredUpload;
  /** Parts of all uploads on their way at once. */
  readonly slots: Slots;
  readonly memory: PartMemory;
  readonly now: () => number;
  /** Called once, when it is closed. */
  readonly onClose: () => void;
}

export type StoredUpload =
  | { readonly type: "nothing" }
  | { readonly type: "note"; readonly note: UploadNote }
  | { readonly type: "complete"; readonly bytes: number; readonly hasNote: boolean };

interface SentPart {
  readonly bytes: number;
  etag: string | null;
}

/** Of a note in its metadata, so that its size can be asked for alone. */
export const uploadedBytesField = "sampan-bytes";

export class S3Upload implements BlobUpload {
  readonly location: BlobLocation;
  bytes: number;
  /** Wall clock of the last append, for those who ask while it is open. */
  modifiedMs: number;
  readonly #outside: UploadParts;
  readonly #tail: PartBuffer;
  readonly #parts: SentPart[] = [];
  readonly #onTheWay = new Set<Promise<void>>();
  #uploadId: string | null = null;
  #hasNote: boolean;
  #complete: boolean;
  /** There is something that neither the note nor the object says. */
  #changed: boolean;
  #failure: IoError | null = null;
  #busy = false;
  #closed = false;

  constructor(outside: UploadParts) {
    const { stored } = outside;
    this.location = outside.location;
    this.#outside = outside;
    this.#tail = new PartBuffer(outside.memory);
    this.#complete = stored.type === "complete";
    this.#hasNote = stored.type === "note" || (stored.type === "complete" && stored.hasNote);
    this.#changed = stored.type === "nothing";
    this.modifiedMs = wholeSecond(outside.now());
    this.bytes = stored.type === "complete" ? stored.bytes : 0;
    if (stored.type !== "note") return;
    const { note } = stored;
    this.bytes = noteBytes(note);
    this.#uploadId = note.uploadId;
    this.#parts.push(...note.parts);
    this.#tail.add(note.tail, Math.max(note.tail.byteLength, partBytes(this.#nextNumber)));
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#alone("append", async () => {
      if (chunk.byteLength === 0) return;
      if (this.#complete) {
        throw new IoError("closed", "it is complete, and an object of S3 takes no more");
      }
      this.#changed = true;
      for (let from = 0; from < chunk.byteLength; ) {
        const bytesMax = Math.max(partBytes(this.#nextNumber), this.#tail.bytes);
        from += this.#tail.add(chunk.subarray(from), bytesMax);
        if (this.#tail.bytes === bytesMax) await this.#sendPart();
      }
      this.bytes += chunk.byteLength;
      this.modifiedMs = wholeSecond(this.#outside.now());
    });
  }

  /** Makes what was appended one object, which can be read from then on. The upload stays open. */
  async complete(): Promise<void> {
    // Anybody may be reading a blob whose last request has come again and is being answered.
    if (this.#complete) return;
    await this.#alone("complete", () => this.#makeObject());
  }

  async commit(): Promise<void> {
    try {
      await this.#alone("commit", async () => {
        await this.#makeObject();
        await this.#forgetNote();
      });
    } finally {
      await this.#letGo();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await Promise.all(this.#onTheWay);
      if (this.#failure === null && this.#changed) {
        if (this.#tail.bytes >= partBytesMin) await this.#sendPart();
        await this.#writeNote();
      }
    } catch (error) {
      this.#fail("close", error);
    } finally {
      await this.#letGo();
    }
    if (this.#failure !== null) throw this.#failure;
  }

  async #letGo(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#onTheWay);
    this.#outside.onClose();
  }

  async #alone(verb: string, work: () => Promise<void>): Promise<void> {
    assert(!this.#busy, "an upload has one writer at a time");
    if (this.#closed) throw new IoError("closed", `blob ${this.location} is closed`);
    if (this.#failure !== null) throw this.#failure;
    this.#busy = true;
    try {
      await work();
    } catch (error) {
      throw this.#fail(verb, error);
    } finally {
      this.#busy = false;
    }
  }

  #fail(verb: string, error: unknown): IoError {
    this.#failure ??= named(`${verb} blob ${this.location}`, error);
    return this.#failure;
  }

  get #nextNumber(): number {
    return this.#parts.length + 1;
  }

  /** Sends what is in the tail, and waits only while too much is on its way. */
  async #sendPart(): Promise<void> {
    const number = this.#nextNumber;
    if (number > partsMax) throw new IoError("io", `S3 takes ${partsMax} parts and no more`);
    const uploadId = await this.#startMultipart();
    while (this.#onTheWay.size >= partsOnTheWayMax(number)) await Promise.race(this.#onTheWay);
    if (this.#failure !== null) throw this.#failure;
    await this.#outside.slots.take();
    const bytes = this.#tail.take();
    const part: SentPart = { bytes: bytes.byteLength, etag: null };
    this.#parts.push(part);
    const sending = this.#putPart(part, { uploadId, number, bytes });
    this.#onTheWay.add(sending);
    void sending.then(() => this.#onTheWay.delete(sending));
  }

  /** Never fails: the failure is kept for whoever comes next. */
  async #putPart(
    part: SentPart,
    what: { readonly uploadId: string; readonly number: number; readonly bytes: Buffer },
  ): Promise<void> {
    const { objects, keys, memory, slots } = this.#outside;
    try {
      part.etag = await objects.putPart(keys.object, what);
      // Not after a failure: a request that was given up may still be reading it.
      memory.give(what.bytes);
    } catch (error) {
      this.#fail("append", error);
    } finally {
      slots.give();
    }
  }

  async #startMultipart(): Promise<string> {
    if (this.#uploadId !== null) return this.#uploadId;
    if (!this.#hasNote) await this.#put({ uploadId: null, parts: [], tail: Buffer.alloc(0) });
    this.#uploadId = await this.#outside.objects.startMultipart(this.#outside.keys.object);
    return this.#uploadId;
  }

  async #sentParts(): Promise<readonly StoredPart[]> {
    await Promise.all(this.#onTheWay);
    if (this.#failure !== null) throw this.#failure;
    return this.#parts.map(({ bytes, etag }) => {
      assert(etag !== null, "a part that was sent has an ETag");
      return { bytes, etag };
    });
  }

  async #writeNote(): Promise<void> {
    const parts = await this.#sentParts();
    await this.#put({ uploadId: this.#uploadId, parts, tail: this.#tail.take() });
  }

  async #put(note: UploadNote): Promise<void> {
    const { objects, keys } = this.#outside;
    const metadata = { [uploadedBytesField]: String(noteBytes(note)) };
    await objects.put(keys.note, encodeNote(note), { metadata });
    this.#hasNote = true;
  }

  async #makeObject(): Promise<void> {
    if (this.#complete) return;
    const { objects, keys } = this.#outside;
    if (this.#uploadId === null) {
      const bytes = this.#tail.take();
      await this.#settled(() => objects.put(keys.object, bytes, { onlyNew: true }));
    } else {
      const uploadId = this.#uploadId;
      if (this.#tail.bytes > 0) await this.#sendPart();
      const parts = await this.#sentParts();
      await this.#settled(() => objects.complete(keys.object, uploadId, parts));
      await this.#abortStrays();
    }
    this.#complete = true;
    this.#changed = false;
  }

  /**
   * A request whose answer was lost may have done its work, and its retry is then refused (404, 412):
   * what is there decides. A success is believed of a length alone that is seen.
   */
  async #settled(work: () => Promise<void>): Promise<void> {
    const { objects, keys } = this.#outside;
    let failure: unknown = null;
    try {
      await work();
    } catch (error) {
      failure = error;
    }
    const found = await objects.head(keys.object);
    if (found?.bytes === this.bytes) return;
    if (failure !== null) throw failure;
    const there = found === null ? "no object" : `${found.bytes} bytes`;
    throw new IoError("corrupt", `S3 took ${this.bytes} bytes and has ${there}`);
  }

  /** Left by a process that died, or by a retry that started two. They cost money, no more. */
  async #abortStrays(): Promise<void> {
    const { objects, keys, log, location } = this.#outside;
    try {
      for (const stray of await objects.multiparts(keys.object)) {
        if (stray !== this.#uploadId) await objects.abort(keys.object, stray);
      }
    } catch (error) {
      log.warn("a stray upload in S3 could not be aborted", {
        location,
        error: errorMessage(error),
      });
    }
  }

  /** The blob is safe without: what is left here goes with a later pass over all names. */
  async #forgetNote(): Promise<void> {
    if (!this.#hasNote) return;
    const { objects, keys, log, location } = this.#outside;
    try {
      await objects.delete(keys.note);
      this.#hasNote = false;
    } catch (error) {
      log.warn("the note of an upload could not be deleted", {
        location,
        error: errorMessage(error),
      });
    }
  }
}

/** S3 tells times in seconds: an upload must not seem to grow younger when it is closed. */
function wholeSecond(ms: number): number {
  return ms - (ms % 1_000);
}

function named(what: string, error: unknown): IoError {
  const code = error instanceof IoError ? error.code : "io";
  return new IoError(code, `${what}: ${errorMessage(error)}`, error);
}
