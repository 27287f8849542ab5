// Deletes bytes that no record names any more, behind the transactions that found them so. What a
// failure or the end of the process leaves lying, the sweep of the blob store finds.

import { type BlobLocation, type BlobStore, deletedTogetherMax } from "../blobs/blobs.ts";

/** So that transactions and deletions need not keep step, and what is freed is soon free. */
export const waitingMax = 1_024;

export class Disposal {
  readonly #blobs: Pick<BlobStore, "deleteAll">;
  readonly #waiting: BlobLocation[] = [];
  #isAtWork = false;
  #failure: { readonly error: unknown } | null = null;
  /** Who waits until there is room, or until all are gone. */
  #watchers: (() => void)[] = [];

  constructor(blobs: Pick<BlobStore, "deleteAll">) {
    this.#blobs = blobs;
  }

  /** Waits while too many are still to go. */
  async add(locations: readonly BlobLocation[]): Promise<void> {
    this.#waiting.push(...locations);
    if (!this.#isAtWork) void this.#work();
    while (this.#waiting.length > waitingMax) await this.#change();
  }

  /** Waits for all. Throws the first failure, once; the others were tried all the same. */
  async settled(): Promise<void> {
    while (this.#isAtWork) await this.#change();
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  async #work(): Promise<void> {
    this.#isAtWork = true;
    while (this.#waiting.length > 0) {
      try {
        await this.#blobs.deleteAll(this.#waiting.splice(0, deletedTogetherMax));
      } catch (error) {
        this.#failure ??= { error };
      }
      this.#notify();
    }
    this.#isAtWork = false;
    this.#notify();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #notify(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
