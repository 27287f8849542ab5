// Lets the bytes of a long body gather in the kernel. A client that sends pieces of 32 KiB, or whose
// network does, wakes us for each of them, and to be woken costs more than to take a piece: after a
// short rest a few whole reads take what came meanwhile. Whoever sends as fast as we read fills
// every read and is never let wait. // hot path

import type { Clock, Timer } from "@sampan/env";

/** Shorter bodies are over before a rest would pay. */
export const restlessBytes = 1024 * 1024;
/** What is read at once is little below this: libuv reads 64 KiB, of which HTTP takes its part. */
export const burstBytesMin = 48 * 1024;
/** A gigabit sends 250 kB meanwhile: Linux lets a receive buffer grow to some MiB. */
const restMs = 2;

/** What is needed of a socket. */
interface Readings {
  pause(): unknown;
  resume(): unknown;
}

export class ReadRest {
  readonly #socket: Readings;
  readonly #clock: Clock;
  #bytes = 0;
  #burstBytes = 0;
  #isBurst = false;
  #isOver = false;
  #rest: Timer | null = null;

  constructor(socket: Readings, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** So many bytes of the body came. */
  took(bytes: number): void {
    this.#bytes += bytes;
    this.#burstBytes += bytes;
    if (this.#isBurst || this.#bytes < restlessBytes) return;
    this.#isBurst = true;
    setImmediate(this.#afterBurst);
  }

  /** The body is over: the socket is read as before. */
  end(): void {
    this.#isOver = true;
    if (this.#rest === null) return;
    this.#rest.cancel();
    this.#wake();
  }

  /** What was there has been read. */
  readonly #afterBurst = (): void => {
    const bytes = this.#burstBytes;
    this.#isBurst = false;
    this.#burstBytes = 0;
    if (this.#isOver || bytes >= burstBytesMin) return;
    this.#socket.pause();
    this.#rest = this.#clock.timer(restMs, this.#wake);
  };

  readonly #wake = (): void => {
    this.#rest = null;
    this.#socket.resume();
  };
}
