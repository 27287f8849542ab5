// A view of one moment, as database.ts hands it out.

import type { Database } from "./database.ts";
import type { Native, SnapshotHandle } from "./native.ts";

/**
 * A view of one moment. It holds old versions on the disk until it is released; one that is
 * forgotten is released when the memory it takes is collected.
 */
export class Snapshot {
  /** @internal Reads with another database's snapshot are refused. */
  readonly database: Database;
  readonly #native: Native;
  #handle: SnapshotHandle | null;

  /** @internal `Database.snapshot` makes them. */
  constructor(database: Database, native: Native, handle: SnapshotHandle) {
    this.database = database;
    this.#native = native;
    this.#handle = handle;
  }

  /** Reads under way in it finish. Twice is once. */
  release(): void {
    if (this.#handle !== null) this.#native.releaseSnapshot(this.#handle);
    this.#handle = null;
  }

  /** @internal Null once it is released. */
  get handle(): SnapshotHandle | null {
    return this.#handle;
  }
}
