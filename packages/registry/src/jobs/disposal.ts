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
  async add(locations: readonly BlobLocation[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#waiting.push(...locations);
    if (!this.#isAtWork) void this.#work();
    await this.#wait(signal, () => this.#waiting.length > waitingMax);
  }

  /**
   * Waits for all; when the signal is aborted, for the batch in hand alone: the others are the sweep's.
   * Throws the first failure, once.
   */
  async settled(signal: AbortSignal): Promise<void> {
    await this.#wait(signal, () => this.#isAtWork);
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  async #wait(signal: AbortSignal, mustWait: () => boolean): Promise<void> {
    const drop = (): void => {
      this.#waiting.length = 0;
      this.#notify();
    };
    if (signal.aborted) drop();
    signal.addEventListener("abort", drop, { once: true });
    while (mustWait()) await this.#change();
    signal.removeEventListener("abort", drop);
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
