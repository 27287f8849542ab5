// Walks a page of rows; asks the addon for the next one where it ends.

import type { CreateError } from "./error.ts";
import type { CursorHandle, Native } from "./native.ts";
import { fillingFor, fillings, type Page, type PagePool } from "./pages.ts";

const rowHeaderBytes = 8;
/** Before the text of a page of joined keys. */
const countBytes = 4;
/** In the length of a value (native/cursor.h). */
const longValue = 0x8000_0000;

/** Rows as text, one character a byte; a row is at the same place in all three. */
export interface Latin1Rows {
  readonly keys: string[];
  readonly values: string[];
  /** As `Cursor.isLong`. */
  readonly longs: boolean[];
}

/** How keys become one text: `separator`, which is ASCII, is between two of them. */
export interface Joining {
  /** Bytes that each is without, at its start. */
  readonly skip: number;
  /** And at its end. */
  readonly drop: number;
  readonly separator: string;
}

/** Keys as one text, one character a byte, and how many. */
export interface JoinedKeys {
  text: string;
  count: number;
}

/** What of a family of TiKV's write records is walked, as of `IterateOptions`. */
export interface Aim {
  readonly lower: Uint8Array;
  readonly upper: Uint8Array;
  readonly readTs: Uint8Array;
  readonly keysOnly: boolean;
  readonly rowsWanted: number;
  /** The rows are taken by `nextJoined`, else by the other ways of `next`. */
  readonly joining?: Joining;
}

export interface CursorDependencies {
  readonly native: Native;
  readonly pages: PagePool;
  readonly createError: CreateError;
  /** Not collected, and so not closed, while a cursor is used. */
  readonly database: { readonly isClosed: boolean };
}

/**
 * Stands before its first row until the first `next`. `key` and `value` are views into a buffer
 * that the following `next`, `seek` or `close` overwrites: copy what is kept.
 *
 * One that is forgotten lets go of its resources when the memory it takes is collected.
 */
// hot path
export class Cursor {
  readonly #deps: CursorDependencies;
  readonly #handle: CursorHandle;
  #page: Page;
  /** Rows of the page end here; those up to `#next` are behind the cursor. */
  #filled = 0;
  #next = 0;
  #keyStart = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #isLong = false;
  #joining: Joining | null = null;
  /** Which of `fillings` comes next. */
  #filling: number;
  #rowsWanted: number;
  #state: "open" | "waiting" | "ended" | "closed" = "open";

  /** @internal `Database.iterate` makes them. */
  constructor(deps: CursorDependencies, handle: CursorHandle, rowsWanted: number | null) {
    this.#deps = deps;
    this.#handle = handle;
    this.#rowsWanted = rowsWanted ?? Number.POSITIVE_INFINITY;
    this.#filling = rowsWanted === null ? 0 : fillingFor(rowsWanted);
    this.#page = deps.pages.take((fillings[this.#filling] ?? fillings[0]).pageBytes);
  }

  /**
   * Steps to the next row in the cursor's direction; false at the end. A promise where the disk is
   * waited for: until it is settled only `close` may be called.
   *
   * @throws `closed`; `invalid` while a promise is open; `io` and `corrupt`, after which it may be
   *   called again.
   */
  next(): boolean | Promise<boolean> {
    // A closed database has no rows left, not even those of a filled page.
    if (this.#next < this.#filled && !this.#deps.database.isClosed) return this.#step();
    if (this.#state === "ended") return false;
    this.#checkOpen();
    return this.#fill();
  }

  /**
   * Steps over all the rows that are at hand, at least one, and appends them: many rows cost one
   * string of a page, and slices of it. False, and nothing appended, at the end. Otherwise as
   * `next`, whose views are none afterwards.
   */
  nextLatin1(rows: Latin1Rows): boolean | Promise<boolean> {
    const more = this.next();
    if (typeof more === "boolean") return more && this.#appendLatin1(rows);
    return more.then((isRow) => isRow && this.#appendLatin1(rows));
  }

  /**
   * Steps over all the rows that are at hand, at least one, and appends their keys; of a cursor
   * that joins. Otherwise as `nextLatin1`.
   */
  nextJoined(joined: JoinedKeys): boolean | Promise<boolean> {
    if (this.#state === "ended") return false;
    this.#checkOpen();
    const more = this.#fill();
    if (typeof more === "boolean") return more && this.#appendJoined(joined);
    return more.then((isRow) => isRow && this.#appendJoined(joined));
  }

  /**
   * Begins again, elsewhere, and sees what it has seen all the time; only of one that `iterate` gave
   * a `readTs` and an `upper`. Costs far less than another cursor.
   */
  aim({ lower, upper, readTs, keysOnly, rowsWanted, joining }: Aim): void {
    this.#checkOpen();
    this.#deps.native.aimCursor(
      this.#handle,
      lower,
      upper,
      keysOnly,
      readTs,
      joining?.skip ?? 0,
      joining?.drop ?? 0,
      joining?.separator ?? null,
    );
    this.#joining = joining ?? null;
    this.#state = "open";
    this.#filled = 0;
    this.#next = 0;
    this.#rowsWanted = rowsWanted;
    this.#filling = fillingFor(rowsWanted);
  }

  /** Jumps so that `next` gives the first row at or beyond `key` in the cursor's direction. */
  seek(key: Uint8Array): void {
    this.#checkOpen();
    this.#deps.native.seekCursor(this.#handle, key);
    this.#state = "open";
    this.#filled = 0;
    this.#next = 0;
    this.#filling = 0;
  }

  get key(): Buffer {
    return this.#page.buffer.subarray(this.#keyStart, this.#valueStart);
  }

  get value(): Buffer {
    return this.#page.buffer.subarray(this.#valueStart, this.#valueEnd);
  }

  /** As `key`, but the caller's own. */
  copyKey(): Buffer {
    return this.#copy(this.#keyStart, this.#valueStart);
  }

  /** As `value`, but the caller's own. */
  copyValue(): Buffer {
    return this.#copy(this.#valueStart, this.#valueEnd);
  }

  // Without a view in between: there is one for each row of a scan.
  #copy(start: number, end: number): Buffer {
    const copy = Buffer.allocUnsafe(end - start);
    this.#page.buffer.copy(copy, 0, start, end);
    return copy;
  }

  /** Of what is visible at a timestamp: `value` ends the value's key in the default family. */
  get isLong(): boolean {
    return this.#isLong;
  }

  /** Lets go of what it holds. Twice is once; an open promise of `next` fails with `closed`. */
  close(): void {
    if (this.#state === "closed") return;
    // A thread may be filling the page: then it is left to the collector.
    if (this.#state !== "waiting") this.#deps.pages.give(this.#page);
    this.#deps.native.closeCursor(this.#handle);
    this.#state = "closed";
    this.#filled = 0;
    this.#next = 0;
  }

  #step(): true {
    this.#rowsWanted -= 1;
    const { words } = this.#page;
    const word = this.#next >>> 2;
    this.#keyStart = this.#next + rowHeaderBytes;
    this.#valueStart = this.#keyStart + (words[word] ?? 0);
    const length = words[word + 1] ?? 0;
    this.#isLong = length >= longValue;
    this.#valueEnd = this.#valueStart + (this.#isLong ? length - longValue : length);
    this.#next = (this.#valueEnd + 3) & ~3;
    return true;
  }

  /** The row stood on, and those of its page behind it. */
  #appendLatin1({ keys, values, longs }: Latin1Rows): true {
    const text = this.#page.buffer.toString("latin1", this.#keyStart, this.#filled);
    const origin = this.#keyStart;
    for (;;) {
      const valueStart = this.#valueStart - origin;
      keys.push(text.slice(this.#keyStart - origin, valueStart));
      values.push(text.slice(valueStart, this.#valueEnd - origin));
      longs.push(this.#isLong);
      if (this.#next >= this.#filled) return true;
      this.#step();
    }
  }

  /** All the rows of the page. */
  #appendJoined(joined: JoinedKeys): true {
    const { buffer, words } = this.#page;
    const count = words[0] ?? 0;
    const text = buffer.toString("latin1", countBytes, this.#filled);
    joined.text = joined.count === 0 ? text : joined.text + this.#joining?.separator + text;
    joined.count += count;
    this.#rowsWanted -= count;
    this.#next = this.#filled;
    return true;
  }

  #checkOpen(): void {
    const { createError, database } = this.#deps;
    if (database.isClosed) throw createError("closed", "the database is closed");
    if (this.#state === "closed") throw createError("closed", "the cursor is closed");
    if (this.#state === "waiting") throw createError("invalid", "the cursor waits for the disk");
  }

  #fill(): boolean | Promise<boolean> {
    const { rowsMax: most, pageBytes } = fillings[this.#filling] ?? fillings[0];
    const rowsMax = Math.max(1, Math.min(most, this.#rowsWanted));
    this.#reserve(pageBytes);
    const filled = this.#deps.native.fillCached(this.#handle, this.#page.buffer, rowsMax);
    return filled === undefined ? this.#fillFromDisk(rowsMax) : this.#accept(filled);
  }

  async #fillFromDisk(rowsMax: number): Promise<boolean> {
    this.#state = "waiting";
    try {
      const filled = await this.#deps.native.fill(this.#handle, this.#page.buffer, rowsMax);
      if (this.#isClosed()) throw this.#deps.createError("closed", "the cursor was closed");
      this.#state = "open";
      return this.#accept(filled);
    } finally {
      if (this.#state === "waiting") this.#state = "open";
    }
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  /** `filled` is what native/cursor_calls.cc calls FilledNumber. */
  #accept(filled: number): boolean | Promise<boolean> {
    if (filled < 0) {
      this.#reserve(-filled);
      return this.#fill();
    }
    this.#filled = filled;
    this.#next = 0;
    if (filled === 0) {
      this.#state = "ended";
      return false;
    }
    if (this.#filling < fillings.length - 1) this.#filling += 1;
    return this.#joining !== null || this.#step();
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#page.buffer.length) return;
    this.#deps.pages.give(this.#page);
    this.#page = this.#deps.pages.take(bytes);
  }
}
