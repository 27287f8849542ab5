// Which stretches of a queue of work the collector reads next. A queue is in the order of its keys,
// nearly that of its times: a process whose clock was wrong puts notes between the others that are
// due years later, or were due long ago. So of each stretch that was read is kept when to read it
// again, and what lies behind it does not wait for it.
//
// A stretch is a range of keys, not a list of notes: one that is committed late, behind others that
// were read already, is found with them.

/** Of a key order: from behind `after` (null: from the start) to `through` (null: to the end). */
export interface Stretch {
  readonly after: Uint8Array | null;
  readonly through: Uint8Array | null;
}

export interface StretchFound {
  /** Read up to this key; null: to the end of the stretch. */
  readonly through: Uint8Array | null;
  /** When to read this part again, monotonic milliseconds; Infinity: nothing waits in it. */
  readonly dueMs: number;
}

interface Bound {
  readonly through: Uint8Array | null;
  dueMs: number;
}

/** Beyond so many stretches neighbours are joined: memory is bounded, a few are read too early. */
export const stretchesMax = 4_096;

export class CollectionAgenda {
  /** In the order of their keys; each begins where the one before ends. The last is always due. */
  #bounds: Bound[] = [{ through: null, dueMs: Number.NEGATIVE_INFINITY }];
  readonly #stretchesMax: number;

  constructor(stretchesAtMost: number = stretchesMax) {
    this.#stretchesMax = stretchesAtMost;
  }

  /** The number of the first stretch from `from` on that is to be read. */
  next(from: number, nowMs: number): number | null {
    const index = this.#bounds.findIndex(({ dueMs }, at) => at >= from && dueMs <= nowMs);
    return index === -1 ? null : index;
  }

  stretch(index: number): Stretch {
    const after = this.#bounds[index - 1]?.through ?? null;
    return { after, through: this.#bounds[index]?.through ?? null };
  }

  /** What was found in a stretch. The number from which on to look for the next. */
  note(index: number, { through, dueMs }: StretchFound): number {
    if (through !== null) {
      this.#bounds.splice(index, 0, { through, dueMs });
      return this.#bounds.length > this.#stretchesMax ? this.#join(index + 1) : index + 1;
    }
    const bound = this.#bounds[index];
    if (bound === undefined || bound.through === null) return index + 1;
    if (dueMs === Number.POSITIVE_INFINITY) {
      // Its keys belong to the next one now.
      this.#bounds.splice(index, 1);
      return index;
    }
    bound.dueMs = dueMs;
    return index + 1;
  }

  get size(): number {
    return this.#bounds.length;
  }

  /** Every two become one. Gives the new number of the stretch `index`. */
  #join(index: number): number {
    const joined: Bound[] = [];
    for (const [at, bound] of this.#bounds.entries()) {
      const before = joined.at(-1);
      if (at % 2 === 0 || before === undefined) joined.push(bound);
      else {
        const dueMs = Math.min(before.dueMs, bound.dueMs);
        joined[joined.length - 1] = { through: bound.through, dueMs };
      }
    }
    this.#bounds = joined;
    return index >> 1;
  }
}
