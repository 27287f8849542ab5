// The twin of the engine in memory. It keeps the contract, and it crashes as the contract allows:
// `crash` draws a prefix of the batches written, never shorter than what was answered as synced.
// Faults and delays are switched on by who tests with it; without them it answers at once.

import { assert, type Env, IoError, type Random } from "@sampan/env";
import type {
  Engine,
  EngineIterator,
  EngineSnapshot,
  Family,
  IterateOptions,
  Maybe,
  WriteBatch,
} from "./engine.ts";
import { MemoryIterator } from "./memory-iterator.ts";
import { emptyView, getFrom, type MapView, SortedMap } from "./sorted-map.ts";
import { decodeWriteBatch, type WriteBatchEntry } from "./write-batch.ts";

export interface MemoryEngineOptions {
  /** Every write, and every read that waits, takes a drawn time up to so long; 0 when not given. */
  readonly delayMsMax?: number;
  /** One read in so many waits, as for a disk; 0, and when not given: none. */
  readonly readsPerWait?: number;
}

export interface MemoryEngine extends Engine {
  /**
   * As a loss of power: nothing that is asked of this engine is ever answered again, and the one
   * that is returned opens what the disk has. That is drawn from all that the contract allows.
   * `env` is of the process that opens it, this engine's when not given.
   */
  crash(random: Random, env?: Env): MemoryEngine;
  /** Opens again what this engine, closed, has left. */
  reopen(env?: Env): MemoryEngine;
  /** Opens a copy of a checkpoint; `env` and `options` are this engine's when not given. */
  openCheckpoint(directory: string, env?: Env, options?: MemoryEngineOptions): MemoryEngine;
  /**
   * The next batch fails with this code. `busy`: nothing happened. The others: those after it are
   * refused until a reopening, and whether the batch that failed is there then is as open as with a
   * real disk; a crash draws it.
   */
  failNextWrite(code: "busy" | "disk-full" | "io"): void;
  /** From now on as if `delayMsMax` had been given so, also in the engines opened after this one. */
  setDelay(delayMsMax: number): void;
}

/** The four families at one moment. */
type Image = Readonly<Record<Family, MapView>>;

/** Unsynced batches that a crash may lose at most; what is older counts as on the disk. */
const unsyncedImagesMax = 4096;

const emptyImage: Image = {
  default: emptyView,
  lock: emptyView,
  write: emptyView,
  raft: emptyView,
};

export function createMemoryEngine(env: Env, options: MemoryEngineOptions): MemoryEngine {
  return new Twin(env, options, { image: emptyImage, checkpoints: new Map() });
}

interface Disk {
  readonly image: Image;
  readonly checkpoints: Map<string, Image>;
}

interface PendingWrite {
  readonly entries: readonly WriteBatchEntry[];
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: IoError) => void;
}

class Twin implements MemoryEngine {
  readonly #env: Env;
  #options: MemoryEngineOptions;
  readonly #checkpoints: Map<string, Image>;
  readonly #maps: Record<Family, SortedMap>;
  /** What a crash may leave: the synced image first, then one behind each batch since. */
  #images: Image[];
  #queue: PendingWrite[] = [];
  #commits: Promise<void> = Promise.resolve();
  #isCommitting = false;
  #failure: "disk-full" | "io" | null = null;
  #nextFailure: "busy" | "disk-full" | "io" | null = null;
  #state: "open" | "closed" | "dead" = "open";

  constructor(env: Env, options: MemoryEngineOptions, disk: Disk) {
    this.#env = env;
    this.#options = options;
    this.#checkpoints = disk.checkpoints;
    this.#images = [disk.image];
    this.#maps = mapsOf(disk.image);
  }

  get(family: Family, key: Uint8Array, snapshot: EngineSnapshot | null): Maybe<Buffer | null> {
    return this.#pass(() => this.#read(family, key, snapshot));
  }

  getMany(
    family: Family,
    keys: readonly Uint8Array[],
    snapshot: EngineSnapshot | null,
  ): Maybe<(Buffer | null)[]> {
    return this.#pass(() => keys.map((key) => this.#read(family, key, snapshot)));
  }

  snapshot(): EngineSnapshot {
    this.#requireOpen();
    return new Snapshot(this.#image());
  }

  iterate(family: Family, options: IterateOptions): EngineIterator {
    this.#requireOpen();
    const { snapshot } = options;
    const view = snapshot === null ? this.#maps[family].view() : imageIn(snapshot)[family];
    return new MemoryIterator(view, options, { pass: (answer) => this.#pass(answer) });
  }

  async write(batch: WriteBatch, options: { readonly sync: boolean }): Promise<void> {
    this.#requireOpen();
    if (this.#nextFailure === "busy") {
      this.#nextFailure = null;
      throw new IoError("busy", "memory engine: more writes wait than it holds");
    }
    // The batch may be used again at once: take its bytes now.
    const entries = [...decodeWriteBatch(Buffer.from(batch.encoded()))];
    const answer = new Promise<void>((resolve, reject) => {
      this.#queue.push({ entries, sync: options.sync, resolve, reject });
    });
    if (!this.#isCommitting) this.#commits = this.#commitAll();
    return answer;
  }

  async checkpoint(directory: string): Promise<void> {
    this.#requireOpen();
    if (this.#state === "dead") return unanswered();
    if (this.#checkpoints.has(directory)) {
      throw new IoError("io", `checkpoint: ${directory} exists already`);
    }
    this.#checkpoints.set(directory, this.#image());
  }

  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closed";
    await this.#commits;
    if (this.#state === "dead") await unanswered();
  }

  crash(random: Random, env = this.#env): MemoryEngine {
    assert(this.#state !== "dead", "memory engine: it has crashed already");
    this.#state = "dead";
    const kept = this.#images[random.int(this.#images.length)] ?? emptyImage;
    return this.#open(kept, env);
  }

  reopen(env = this.#env): MemoryEngine {
    assert(this.#state === "closed", "memory engine: close it before it is opened again");
    return this.#open(this.#images.at(-1) ?? emptyImage, env);
  }

  openCheckpoint(directory: string, env = this.#env, options = this.#options): MemoryEngine {
    const image = this.#checkpoints.get(directory);
    if (image === undefined) throw new IoError("io", `checkpoint: there is no ${directory}`);
    return new Twin(env, options, { image, checkpoints: new Map() });
  }

  failNextWrite(code: "busy" | "disk-full" | "io"): void {
    this.#nextFailure = code;
  }

  setDelay(delayMsMax: number): void {
    this.#options = { ...this.#options, delayMsMax };
  }

  #open(image: Image, env: Env): MemoryEngine {
    const checkpoints = new Map(this.#checkpoints);
    return new Twin(env, this.#options, { image, checkpoints });
  }

  /** Takes all that waits as one group, which shares the time of one sync, until nothing waits. */
  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    while (this.#queue.length > 0) {
      await this.#delay();
      const group = this.#queue;
      this.#queue = [];
      this.#applyGroup(group);
      if (group.some(({ sync }) => sync) && this.#failure === null) await this.#sync();
      if (this.#isDead()) return;
      for (const { resolve, reject } of group) {
        if (this.#failure === null) resolve();
        else reject(new IoError(this.#failure, `memory engine: ${this.#failure}`));
      }
    }
    this.#isCommitting = false;
  }

  /** A failure is the whole group's, as in RocksDB: nobody reads it, yet the disk may have it. */
  #applyGroup(group: readonly PendingWrite[]): void {
    if (this.#failure !== null || this.#isDead()) return;
    this.#failure = this.#nextFailure === "busy" ? null : this.#nextFailure;
    if (this.#failure !== null) this.#nextFailure = null;
    const maps = this.#failure === null ? this.#maps : mapsOf(this.#image());
    for (const { entries } of group) {
      for (const entry of entries) applyEntry(maps, entry);
      this.#images.push(imageOf(maps));
    }
    this.#images = this.#images.slice(-unsyncedImagesMax);
  }

  /** All that was applied by now is on the disk when this is over. */
  async #sync(): Promise<void> {
    const synced = this.#images.length - 1;
    await this.#delay();
    if (!this.#isDead()) this.#images = this.#images.slice(synced);
  }

  #delay(): Promise<void> {
    const { delayMsMax = 0 } = this.#options;
    if (delayMsMax === 0) return Promise.resolve();
    return this.#env.clock.sleep(this.#env.random.fraction() * delayMsMax);
  }

  #isDead(): boolean {
    return this.#state === "dead";
  }

  #requireOpen(): void {
    if (this.#state === "closed") throw new IoError("closed", "memory engine: it is closed");
  }

  #pass<T>(answer: () => T): Maybe<T> {
    this.#requireOpen();
    if (this.#isDead()) return unanswered();
    const { readsPerWait = 0 } = this.#options;
    if (readsPerWait === 0 || this.#env.random.int(readsPerWait) > 0) return answer();
    return this.#delay().then(() => (this.#isDead() ? unanswered() : answer()));
  }

  #image(): Image {
    return imageOf(this.#maps);
  }

  #read(family: Family, key: Uint8Array, snapshot: EngineSnapshot | null): Buffer | null {
    const bytes =
      snapshot === null ? this.#maps[family].get(key) : getFrom(imageIn(snapshot)[family], key);
    return bytes === null ? null : Buffer.from(bytes);
  }
}

class Snapshot implements EngineSnapshot {
  #image: Image | null;

  constructor(image: Image) {
    this.#image = image;
  }

  get image(): Image {
    assert(this.#image !== null, "memory engine: the snapshot was released");
    return this.#image;
  }

  release(): void {
    this.#image = null;
  }
}

function imageIn(snapshot: EngineSnapshot): Image {
  assert(snapshot instanceof Snapshot, "memory engine: the snapshot of another engine");
  return snapshot.image;
}

function mapsOf(image: Image): Record<Family, SortedMap> {
  return {
    default: new SortedMap(image.default),
    lock: new SortedMap(image.lock),
    write: new SortedMap(image.write),
    raft: new SortedMap(image.raft),
  };
}

function imageOf(maps: Readonly<Record<Family, SortedMap>>): Image {
  return {
    default: maps.default.view(),
    lock: maps.lock.view(),
    write: maps.write.view(),
    raft: maps.raft.view(),
  };
}

function applyEntry(maps: Readonly<Record<Family, SortedMap>>, entry: WriteBatchEntry): void {
  const map = maps[entry.family];
  switch (entry.type) {
    case "put":
      map.set(entry.key, entry.value);
      break;
    case "delete":
      map.delete(entry.key);
      break;
    case "delete-range":
      map.deleteRange(entry.from, entry.to);
      break;
  }
}

/** A process that has lost its power hears nothing more. */
function unanswered(): Promise<never> {
  return new Promise(() => undefined);
}
