// The events that are still to come, in the order in which they will happen: by time, those of one
// moment in the order in which they were scheduled. A binary heap; cancelled events are skipped.

export interface SimulatedEvent {
  readonly dueMs: number;
  /** Counts up over the whole world: no two events are equal, so that the order is total. */
  readonly sequence: number;
  readonly process: string;
  fire(): void;
  cancelled: boolean;
}

export class EventHeap {
  readonly #events: SimulatedEvent[] = [];

  push(event: SimulatedEvent): void {
    const events = this.#events;
    let at = events.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent];
      if (above === undefined || isBefore(above, event)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  /** The next event that was not cancelled, without taking it out; null when there is none. */
  peek(): SimulatedEvent | null {
    while (this.#events[0]?.cancelled === true) this.#removeFirst();
    return this.#events[0] ?? null;
  }

  pop(): SimulatedEvent | null {
    const first = this.peek();
    if (first !== null) this.#removeFirst();
    return first;
  }

  #removeFirst(): void {
    const events = this.#events;
    const last = events.pop();
    if (last === undefined || events.length === 0) return;
    let at = 0;
    for (;;) {
      const child = this.#smallerChild(at);
      const below = events[child];
      if (below === undefined || isBefore(last, below)) break;
      events[at] = below;
      at = child;
    }
    events[at] = last;
  }

  #smallerChild(at: number): number {
    const left = this.#events[2 * at + 1];
    const right = this.#events[2 * at + 2];
    const isRight = left !== undefined && right !== undefined && isBefore(right, left);
    return isRight ? 2 * at + 2 : 2 * at + 1;
  }
}

function isBefore(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}
