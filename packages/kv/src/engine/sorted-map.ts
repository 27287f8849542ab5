// Sorted keys in memory, with views of a moment that cost nothing to take: leaves of sorted entries
// in one array, copied when they are changed for the first time after a view was taken. Two
// searches by halves find a key; a change copies one leaf and, at most, the array.

export interface MapEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

interface Leaf {
  readonly entries: MapEntry[];
  /** Of the moment since which it has belonged to the map alone. */
  readonly epoch: number;
}

/** A view of one moment. */
export type MapView = readonly Leaf[];

export const emptyView: MapView = [];

const leafEntriesMax = 128;

export class SortedMap {
  #leaves: Leaf[];
  #epoch = 1;
  #leavesEpoch = 0;

  constructor(view: MapView) {
    // Epoch 0 is older than every change: what the view shares is copied before it is touched.
    this.#leaves = view.map(({ entries }) => ({ entries, epoch: 0 }));
  }

  /** Stays as it is whatever happens to the map. */
  view(): MapView {
    this.#epoch += 1;
    return this.#leaves;
  }

  /** As a view that is looked at before the next change. */
  get(key: Uint8Array): Buffer | null {
    return getFrom(this.#leaves, key);
  }

  /** The map keeps the buffers. */
  set(key: Buffer, value: Buffer): void {
    if (this.#leaves.length === 0) {
      this.#insertLeaf(0, [{ key, value }]);
      return;
    }
    const leafIndex = leafOf(this.#leaves, key);
    const { entries } = this.#ownLeaf(leafIndex);
    const at = lowerBound(entries, key);
    const isThere = entries[at]?.key.equals(key) ?? false;
    entries.splice(at, isThere ? 1 : 0, { key, value });
    if (entries.length <= leafEntriesMax) return;
    // Keys that come in order leave full leaves behind.
    const isAppend = at === entries.length - 1 && leafIndex === this.#leaves.length - 1;
    this.#insertLeaf(leafIndex + 1, entries.splice(isAppend ? -1 : leafEntriesMax / 2));
  }

  delete(key: Uint8Array): void {
    if (this.#leaves.length === 0) return;
    const leafIndex = leafOf(this.#leaves, key);
    const at = lowerBound(this.#leaves[leafIndex]?.entries ?? [], key);
    if (this.#leaves[leafIndex]?.entries[at]?.key.equals(key) !== true) return;
    this.#ownLeaf(leafIndex).entries.splice(at, 1);
    this.#dropEmpty(leafIndex);
  }

  /** Takes [from, to) out. */
  deleteRange(from: Uint8Array, to: Uint8Array): void {
    let leafIndex = leafOf(this.#leaves, from);
    while (leafIndex < this.#leaves.length) {
      const entries = this.#leaves[leafIndex]?.entries ?? [];
      const start = lowerBound(entries, from);
      const end = lowerBound(entries, to);
      const isLast = end < entries.length;
      if (end > start) this.#ownLeaf(leafIndex).entries.splice(start, end - start);
      if (!this.#dropEmpty(leafIndex)) leafIndex += 1;
      if (isLast) return;
    }
  }

  #ownLeaf(index: number): Leaf {
    const leaf = this.#leaves[index] ?? { entries: [], epoch: 0 };
    if (leaf.epoch === this.#epoch) return leaf;
    const own = { entries: leaf.entries.slice(), epoch: this.#epoch };
    this.#ownLeaves()[index] = own;
    return own;
  }

  #ownLeaves(): Leaf[] {
    if (this.#leavesEpoch !== this.#epoch) this.#leaves = this.#leaves.slice();
    this.#leavesEpoch = this.#epoch;
    return this.#leaves;
  }

  #insertLeaf(index: number, entries: MapEntry[]): void {
    this.#ownLeaves().splice(index, 0, { entries, epoch: this.#epoch });
  }

  #dropEmpty(index: number): boolean {
    if (this.#leaves[index]?.entries.length !== 0) return false;
    this.#ownLeaves().splice(index, 1);
    return true;
  }
}

export function getFrom(view: MapView, key: Uint8Array): Buffer | null {
  const { entries } = view[leafOf(view, key)] ?? { entries: [] };
  const entry = entries[lowerBound(entries, key)];
  return entry?.key.equals(key) ? entry.value : null;
}

/** A place between the entries of a view. */
export class MapCursor {
  readonly #view: MapView;
  #leaf = 0;
  #entry = 0;

  constructor(view: MapView) {
    this.#view = view;
  }

  /** To before the first entry at or behind the key. */
  seek(key: Uint8Array): void {
    this.#leaf = leafOf(this.#view, key);
    this.#entry = lowerBound(this.#view[this.#leaf]?.entries ?? [], key);
  }

  seekEnd(): void {
    this.#leaf = this.#view.length;
    this.#entry = 0;
  }

  /** The entry behind, null at the end; the cursor goes over it. */
  next(): MapEntry | null {
    let entry = this.#view[this.#leaf]?.entries[this.#entry];
    if (entry === undefined) {
      this.#leaf += 1;
      this.#entry = 0;
      entry = this.#view[this.#leaf]?.entries[0];
    }
    if (entry === undefined) {
      this.seekEnd();
      return null;
    }
    this.#entry += 1;
    return entry;
  }

  /** The entry before, null at the beginning; the cursor goes over it. */
  previous(): MapEntry | null {
    if (this.#entry === 0) {
      if (this.#leaf === 0) return null;
      this.#leaf -= 1;
      this.#entry = this.#view[this.#leaf]?.entries.length ?? 0;
    }
    this.#entry -= 1;
    return this.#view[this.#leaf]?.entries[this.#entry] ?? null;
  }
}

/** Index of the last leaf that begins at or before the key, else of the first. */
function leafOf(view: MapView, key: Uint8Array): number {
  let low = 0;
  let high = view.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const first = view[middle]?.entries[0];
    if (first !== undefined && Buffer.compare(first.key, key) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Index of the first entry at or behind the key. */
function lowerBound(entries: readonly MapEntry[], key: Uint8Array): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && Buffer.compare(entry.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
