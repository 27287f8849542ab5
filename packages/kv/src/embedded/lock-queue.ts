// Lines of transactions before hot keys, first come, first served. A transaction enters the lines
// of all its keys in one step and is let in when it heads every one of them; as all enter in the
// same order everywhere, no two can wait for each other.

export interface LockTicket {
  /** True when it heads all its lines, false when it left before that. */
  readonly granted: Promise<boolean>;
  /** Out of all lines, let in or not. Twice is once. */
  leave(): void;
}

interface Waiter {
  readonly names: readonly string[];
  /** Lines that it does not head yet. */
  missing: number;
  hasLeft: boolean;
  answer(isLetIn: boolean): void;
}

export class LockQueue {
  readonly #lines = new Map<string, Waiter[]>();

  /** Keys with somebody in line. */
  get size(): number {
    return this.#lines.size;
  }

  enter(names: readonly string[]): LockTicket {
    let answer: (isLetIn: boolean) => void = () => undefined;
    const granted = new Promise<boolean>((resolve) => {
      answer = resolve;
    });
    const waiter: Waiter = { names: [...new Set(names)], missing: 0, hasLeft: false, answer };
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
    return { granted, leave: () => this.#leave(waiter) };
  }

  #leave(waiter: Waiter): void {
    if (waiter.hasLeft) return;
    waiter.hasLeft = true;
    waiter.answer(false);
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
