// Hashes of uploads while they stream. A large body is hashed in a worker thread, beside the
// writing; a small one here, where it is done before a message would have crossed. Workers start
// with the first large body and end when there was none for a while. // hot path

import { createHash, type Hash } from "node:crypto";
import { Worker } from "node:worker_threads";
import { type Env, errorMessage, type Timer } from "@sampan/env";
import type { DigestAlgorithm } from "@sampan/oci/model";
import type { PooledBuffer } from "../buffer-pool.ts";
import type { HashAnswer, HashRequest } from "./hash-messages.ts";

/**
 * A stream whose first chunk is smaller is hashed on the main thread (a third of a millisecond).
 */
const workerChunkBytesMin = 256 * 1024;
const idleMs = 30_000;

export interface StreamHash {
  readonly algorithm: DigestAlgorithm;
  /** Bytes that were hashed. */
  readonly bytes: number;
  /** Hashes the first `count` bytes of the buffer, which must not change until it resolves. */
  update(buffer: PooledBuffer, count: number): Promise<void>;
  /** Lower-case hexadecimal; null: the state is lost (a worker died). The stream ends with it. */
  finish(): Promise<string | null>;
  /** Ends the stream without a result; after `finish` it does nothing. */
  abandon(): void;
}

export interface HashPoolOptions {
  /** 0: everything is hashed on the main thread (a simulated process has no other). */
  readonly workersMax: number;
}

export class HashPool {
  readonly #env: Env;
  readonly #workers: HashWorker[] = [];
  #workersMax: number;
  #nextStream = 1;

  constructor(env: Env, options: HashPoolOptions) {
    this.#env = env;
    this.#workersMax = options.workersMax;
  }

  start(algorithm: DigestAlgorithm): StreamHash {
    return new PooledStreamHash(algorithm, () => this.#startInWorker(algorithm));
  }

  /** Ends the workers; what is hashed from now on is hashed on the main thread. */
  async close(): Promise<void> {
    this.#workersMax = 0;
    await Promise.all([...this.#workers].map((worker) => worker.close()));
  }

  #startInWorker(algorithm: DigestAlgorithm): WorkerStream | null {
    if (this.#workersMax === 0) return null;
    const stream = this.#nextStream;
    this.#nextStream += 1;
    return this.#leastBusy().open(stream, algorithm);
  }

  /** A worker without work, or a new one while there may be more, or the one with the least. */
  #leastBusy(): HashWorker {
    const least = this.#workers.reduce<HashWorker | null>(
      (best, worker) => (best === null || worker.streams < best.streams ? worker : best),
      null,
    );
    const full = this.#workers.length >= this.#workersMax;
    if (least !== null && (full || least.streams === 0)) return least;
    const worker = new HashWorker(this.#env, (gone, failure) => {
      this.#workers.splice(this.#workers.indexOf(gone), 1);
      if (failure === null) return;
      // What ended one worker would end the next: slower, but on the main thread hashing goes on.
      this.#env.log.warn("a hashing worker ended; hashing on the main thread", { failure });
      this.#workersMax = 0;
    });
    this.#workers.push(worker);
    return worker;
  }
}

/** Decides with the first chunk where it is hashed. */
class PooledStreamHash implements StreamHash {
  readonly algorithm: DigestAlgorithm;
  bytes = 0;
  readonly #startInWorker: () => WorkerStream | null;
  #here: Hash | null = null;
  #worker: WorkerStream | null = null;
  #lost = false;

  constructor(algorithm: DigestAlgorithm, startInWorker: () => WorkerStream | null) {
    this.algorithm = algorithm;
    this.#startInWorker = startInWorker;
  }

  async update(buffer: PooledBuffer, count: number): Promise<void> {
    const fresh = this.#here === null && this.#worker === null;
    if (fresh && count >= workerChunkBytesMin) this.#worker = this.#startInWorker();
    this.bytes += count;
    if (this.#worker === null) {
      this.#here ??= createHash(this.algorithm);
      this.#here.update(buffer.bytes.subarray(0, count));
      return;
    }
    if (!(await this.#worker.update(buffer.memory, count))) this.#lost = true;
  }

  async finish(): Promise<string | null> {
    if (this.#worker === null) return (this.#here ?? createHash(this.algorithm)).digest("hex");
    const hex = await this.#worker.finish();
    return this.#lost ? null : hex;
  }

  abandon(): void {
    this.#worker?.abandon();
  }
}

interface WorkerStream {
  /** False: the worker is gone. */
  update(memory: SharedArrayBuffer, bytes: number): Promise<boolean>;
  /** Null: the worker is gone. */
  finish(): Promise<string | null>;
  abandon(): void;
}

type Waiter = (answer: HashAnswer | null) => void;

/** `failure` is null when it ended for want of work. */
type OnGone = (worker: HashWorker, failure: string | null) => void;

class HashWorker {
  readonly #env: Env;
  readonly #worker: Worker;
  readonly #onGone: OnGone;
  /** Answers come in the order of the questions, stream by stream. */
  readonly #waiters = new Map<number, Waiter[]>();
  #idle: Timer | null = null;
  #gone = false;

  constructor(env: Env, onGone: OnGone) {
    this.#env = env;
    this.#onGone = onGone;
    this.#worker = new Worker(new URL("./hash-worker.mjs", import.meta.url));
    this.#worker.on("message", (answer: HashAnswer) => this.#answer(answer));
    this.#worker.on("error", (error) => this.#end(errorMessage(error)));
    this.#worker.on("exit", (code) => this.#end(`exit code ${code}`));
  }

  get streams(): number {
    return this.#waiters.size;
  }

  open(stream: number, algorithm: DigestAlgorithm): WorkerStream {
    this.#idle?.cancel();
    this.#waiters.set(stream, []);
    this.#post({ type: "start", stream, algorithm });
    return {
      update: async (memory, bytes) =>
        (await this.#ask({ type: "update", stream, memory, bytes })) !== null,
      finish: async () => {
        const answer = await this.#ask({ type: "finish", stream });
        return answer?.type === "finished" ? answer.hex : null;
      },
      abandon: () => {
        if (!this.#waiters.has(stream)) return;
        this.#post({ type: "abandon", stream });
        this.#forget(stream);
      },
    };
  }

  #ask(request: HashRequest): Promise<HashAnswer | null> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(request.stream);
      if (this.#gone || waiters === undefined) return resolve(null);
      waiters.push(resolve);
      this.#post(request);
    });
  }

  #post(request: HashRequest): void {
    this.#worker.postMessage(request);
  }

  #answer(answer: HashAnswer): void {
    const waiter = this.#waiters.get(answer.stream)?.shift();
    if (answer.type === "finished") this.#forget(answer.stream);
    waiter?.(answer);
  }

  #forget(stream: number): void {
    this.#waiters.delete(stream);
    if (this.#waiters.size > 0 || this.#gone) return;
    this.#idle = this.#env.clock.timer(idleMs, () => void this.close());
  }

  /** Streams that are still open are lost. */
  async close(): Promise<void> {
    this.#end(null);
    await this.#worker.terminate();
  }

  /** Its streams are lost; their uploads hash what they stored once more. */
  #end(failure: string | null): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#idle?.cancel();
    this.#onGone(this, failure);
    for (const waiter of [...this.#waiters.values()].flat()) waiter(null);
    this.#waiters.clear();
  }
}
