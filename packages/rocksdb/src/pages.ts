// The buffers that cursors fill. A cursor begins with a small one, so that finding one row is
// cheap, and goes on with larger ones, so that many rows are few calls.

/** Rows as native/cursor.h draws them. `words` is the same memory, for the lengths. */
export interface Page {
  readonly buffer: Buffer;
  readonly words: Uint32Array;
}

/** What a cursor asks for in its first fillings; it stays at the last. */
export const fillings = [
  { rowsMax: 2, pageBytes: 4 * 1024 },
  { rowsMax: 64, pageBytes: 32 * 1024 },
  { rowsMax: 0xffff_ffff, pageBytes: 256 * 1024 },
] as const;

/** The first that holds so many rows, if they are not large. */
export function fillingFor(rows: number): number {
  const found = fillings.findIndex((filling) => filling.rowsMax >= rows);
  return found < 0 ? fillings.length - 1 : found;
}

/** How many pages of each size wait for the next cursor; more are left to the collector. */
const keptMax = [32, 8, 4] as const;

export class PagePool {
  readonly #kept: Page[][] = fillings.map(() => []);

  /** At least `bytes` large, with whatever content. */
  take(bytes: number): Page {
    const size = fillings.findIndex((filling) => filling.pageBytes >= bytes);
    return this.#kept[size]?.pop() ?? createPage(fillings[size]?.pageBytes ?? bytes);
  }

  /** Another cursor may fill it from now on. */
  give(page: Page): void {
    const size = fillings.findIndex((filling) => filling.pageBytes === page.buffer.length);
    const kept = this.#kept[size];
    if (kept !== undefined && kept.length < (keptMax[size] ?? 0)) kept.push(page);
  }
}

function createPage(bytes: number): Page {
  const memory = new ArrayBuffer((bytes + 3) & ~3);
  return { buffer: Buffer.from(memory), words: new Uint32Array(memory) };
}
