// Bounds the bytes of the commits that wait for the disk, well below what the engine holds before
// it is busy. Beyond the bound transactions wait in line, first come, first served.

/** Bytes of commits on their way to the disk at one time. */
export const commitBytesMax = 64 * 1024 * 1024;

interface Waiter {
  readonly bytes: number;
  letIn(): void;
}

// hot path
export class CommitRoom {
  #bytes = 0;
  /** As many as there are transactions open, at most. */
  readonly #line: Waiter[] = [];

  /** Bytes that were let in and have not left. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Null when there is room, else resolves once there is; one that is larger than the bound is let
   * in alone. Either way call `leave` with the same bytes.
   */
  enter(bytes: number): Promise<void> | null {
    if (this.#line.length === 0 && this.#hasRoom(bytes)) {
      this.#bytes += bytes;
      return null;
    }
    return new Promise((resolve) => {
      this.#line.push({ bytes, letIn: resolve });
    });
  }

  leave(bytes: number): void {
    this.#bytes -= bytes;
    for (let next = this.#line[0]; next !== undefined; next = this.#line[0]) {
      if (!this.#hasRoom(next.bytes)) return;
      this.#line.shift();
      this.#bytes += next.bytes;
      next.letIn();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= commitBytesMax;
  }
}
