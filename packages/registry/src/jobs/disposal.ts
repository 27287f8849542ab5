// Deletes bytes that no record names any more, behind the transactions that found them so. What a
// failure or the end of the process leaves lying, the sweep of the blob store finds.

import type { Clock, Timer } from "@sampan/env";
import { type BlobLocation, type BlobStore, deletedTogetherMax } from "../blobs/blobs.ts";

/** So that transactions and deletions need not keep step, and what is freed is soon free. */
export const waitingMax = 1_024;
/** Files are gone long before; of S3 that does not answer nobody waits for more at a stop. */
export const endMsMax = 3_000;

export class Disposal {
  readonly #clock: Clock;
  readonly #blobs: Pick<BlobStore, "deleteAll">;
  readonly #waiting: BlobLocation[] = [];
  #isAtWork = false;
  #failure: { readonly error: unknown } | null = null;
  /** Who waits until there is room, or until all are gone. */
  #watchers: (() => void)[] = [];

  constructor(clock: Clock, blobs: Pick<BlobStore, "deleteAll">) {
    this.#clock = clock;
    this.#blobs = blobs;
  }

  /** Waits while too many are still to go. */
  async add(locations: readonly BlobLocation[], signal: AbortSignal): Promise<void> {
    this.#waiting.push(...locations);
    if (!this.#isAtWork) void this.#work();
    while (this.#waiting.length > waitingMax && !signal.aborted) await this.#change();
  }

  /**
   * Waits for all; when the signal is aborted, for `endMsMax` at most and then for the batch in hand:
   * the others are left to the sweep. Throws the first failure, once.
   */
  async settled(signal: AbortSignal): Promise<void> {
    const ends: Timer[] = [];
    const endSoon = (): void => {
      const drop = (): void => {
        this.#waiting.length = 0;
      };
      ends.push(this.#clock.timer(endMsMax, drop));
    };
    if (signal.aborted) endSoon();
    else signal.addEventListener("abort", endSoon, { once: true });
    while (this.#isAtWork) await this.#change();
    signal.removeEventListener("abort", endSoon);
    for (const end of ends) end.cancel();
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
