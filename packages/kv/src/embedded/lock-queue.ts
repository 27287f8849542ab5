// Lines of transactions before hot keys, first come, first served. A transaction enters the lines
// of all its keys in one step and is let in when it heads every one of them; as all enter in the
// same order everywhere, no two can wait for each other. From then until it leaves it holds them.

export interface LockTicket {
  /** True when it heads all its lines, false when it left before that. */
  readonly granted: Promise<boolean>;
  /** Resolves when it is in no line any more. */
  readonly left: Promise<void>;
  /** Out of all lines, let in or not. Twice is once. */
  leave(): void;
}

// hot path
export class LockQueue {
  readonly #lines = new Map<string, Waiter[]>();

  /** Keys with somebody in line. */
  get size(): number {
    return this.#lines.size;
  }

  enter(names: readonly string[]): LockTicket {
    const waiter = new Waiter([...new Set(names)], () => this.#remove(waiter));
    for (const name of waiter.names) {
      const line = this.#lines.get(name);
      if (line === undefined) {
        this.#lines.set(name, [waiter]);
      } else {
        line.push(waiter);
        waiter.missing += 1;
      }
    }
    if (waiter.missing === 0) waiter.answer(true);
    return waiter;
  }

  /** One that holds the key, other than `own`; null: nobody does. */
  otherHolder(name: string, own: LockTicket | null): LockTicket | null {
    const first = this.#lines.get(name)?.[0];
    if (first === undefined || first === own) return null;
    // Whose turn has not come in all its lines reads later: nothing is in its way yet.
    return first.missing === 0 ? first : null;
  }

  #remove(waiter: Waiter): void {
    for (const name of waiter.names) {
      const line = this.#lines.get(name) ?? [];
      const at = line.indexOf(waiter);
      line.splice(at, 1);
      if (line.length === 0) this.#lines.delete(name);
      if (at !== 0) continue;
      const next = line[0];
      if (next === undefined) continue;
      next.missing -= 1;
      if (next.missing === 0) next.answer(true);
    }
  }
}

class Waiter implements LockTicket {
  readonly names: readonly string[];
  readonly granted: Promise<boolean>;
  readonly left: Promise<void>;
  /** Lines that it does not head yet. */
  missing = 0;
  answer: (isLetIn: boolean) => void = () => undefined;
  readonly #remove: () => void;
  #hasLeft = false;
  #onLeft: () => void = () => undefined;

  constructor(names: readonly string[], remove: () => void) {
    this.names = names;
    this.#remove = remove;
    this.granted = new Promise((resolve) => {
      this.answer = resolve;
    });
    this.left = new Promise((resolve) => {
      this.#onLeft = resolve;
    });
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.answer(false);
    this.#remove();
    this.#onLeft();
  }
}
