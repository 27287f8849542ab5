// Lets the bytes of a long body gather in the kernel. A client that sends pieces of 32 KiB, or whose
// network does, wakes us for each of them, and to be woken costs more than to take a piece: after a
// short pause a few whole reads take what came meanwhile. Whoever sends as fast as we read fills
// every read and is never let wait; nor, for longer and longer, is a client of which a pause gathered
// little: its receive window may be what holds it back, and a pause would hold it back further.
// hot path

import type { Clock, Timer } from "@sampan/env";

/** Shorter bodies are over before a pause would pay. */
export const unpausedBytes = 1024 * 1024;
/** What is read at once is little below this: libuv reads 64 KiB, of which HTTP takes its part. */
export const burstBytesMin = 48 * 1024;
/** So much must come behind a pause that it was worth its while: more than a window that is short. */
export const gatheredBytesMin = 96 * 1024;
/** A gigabit sends 250 kB meanwhile: Linux lets a receive buffer grow to some MiB. */
const pauseMs = 2;

/** What is needed of a socket. */
interface Readings {
  pause(): unknown;
  resume(): unknown;
}

export class ReadPause {
  readonly #socket: Readings;
  readonly #clock: Clock;
  #bytes = 0;
  #burstBytes = 0;
  #isBurst = false;
  /** The burst that comes is the first behind a pause. */
  #isPaused = false;
  /** Of the body so much comes before the next pause. */
  #pauseBehindBytes = unpausedBytes;
  #backOffBytes = unpausedBytes;
  #isOver = false;
  #timer: Timer | null = null;

  constructor(socket: Readings, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** So many bytes of the body came. */
  took(bytes: number): void {
    this.#bytes += bytes;
    this.#burstBytes += bytes;
    if (this.#isBurst || this.#bytes < this.#pauseBehindBytes) return;
    this.#isBurst = true;
    setImmediate(this.#afterBurst);
  }

  /** The body is over: the socket is read as before. */
  end(): void {
    this.#isOver = true;
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#wake();
  }

  /** What was there has been read. */
  readonly #afterBurst = (): void => {
    const bytes = this.#burstBytes;
    this.#isBurst = false;
    this.#burstBytes = 0;
    if (this.#isPaused) this.#judgePause(bytes);
    if (this.#isOver || bytes >= burstBytesMin || this.#bytes < this.#pauseBehindBytes) return;
    this.#isPaused = true;
    this.#socket.pause();
    // It may run: a buffer that was full resumes the socket by itself.
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(pauseMs, this.#wake);
  };

  #judgePause(gatheredBytes: number): void {
    this.#isPaused = false;
    if (gatheredBytes >= gatheredBytesMin) {
      this.#backOffBytes = unpausedBytes;
      return;
    }
    this.#pauseBehindBytes = this.#bytes + this.#backOffBytes;
    this.#backOffBytes *= 2;
  }

  readonly #wake = (): void => {
    this.#timer = null;
    this.#socket.resume();
  };
}
