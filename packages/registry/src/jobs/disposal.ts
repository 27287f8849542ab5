// Deletes bytes that no record names any more, behind the transactions that found them so. What a
// failure or the end of the process leaves lying, the sweep of the blob store finds.

import type { BlobLocation, BlobStore } from "../blobs/blobs.ts";

/** More take the disk from pushes, which wait for it themselves. */
const atOnceMax = 2;
/** So that transactions and deletions need not keep step, and what is freed is soon free. */
const waitingMax = 1_024;

export class Disposal {
  readonly #blobs: Pick<BlobStore, "delete">;
  readonly #waiting: BlobLocation[] = [];
  #underWay = 0;
  #failure: { readonly error: unknown } | null = null;
  /** Who waits until there is room, or until all are gone. */
  #watchers: (() => void)[] = [];

  constructor(blobs: Pick<BlobStore, "delete">) {
    this.#blobs = blobs;
  }

  /** Waits while too many are still to go. */
  async add(locations: readonly BlobLocation[]): Promise<void> {
    this.#waiting.push(...locations);
    while (this.#underWay < atOnceMax && this.#waiting.length > 0) void this.#work();
    while (this.#waiting.length > waitingMax) await this.#change();
  }

  /** Waits for all. Throws the first failure, once; the others were tried all the same. */
  async settled(): Promise<void> {
    while (this.#underWay > 0) await this.#change();
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  async #work(): Promise<void> {
    this.#underWay += 1;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#blobs.delete(next);
      } catch (error) {
        this.#failure ??= { error };
      }
      this.#notify();
    }
    this.#underWay -= 1;
    this.#notify();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #notify(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
