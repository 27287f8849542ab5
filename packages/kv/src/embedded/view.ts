// What a reader sees of the store at its timestamp. The engine is read as it is now: records carry
// their commit's timestamp, so what came later is passed over, and collection never takes what a live
// reader needs. Only a commit at or before the timestamp that is still on its way to the disk must be
// waited for, and only by readers of its keys; so no read shows what a crash could take back.
// hot path

import { IoError } from "@sampan/env";
import type { Timestamp, VisibleRow } from "../core/index.ts";
import type { Engine, Maybe } from "../engine/engine.ts";
import type { Entry, Key, Range, ScanOptions } from "../txn/txn.ts";
import { keyName } from "../txn/write-buffer.ts";
import type { Commit, RecentCommits } from "./recent-commits.ts";
import { isPending, readRow, scanRows } from "./version-reads.ts";

export interface ViewSources {
  readonly engine: Engine;
  readonly recent: RecentCommits;
}

const empty = Buffer.alloc(0);

export class View {
  readonly #sources: ViewSources;
  readonly readTs: Timestamp;

  constructor(sources: ViewSources, readTs: Timestamp) {
    this.#sources = sources;
    this.readTs = readTs;
  }

  async get(key: Key): Promise<Buffer | null> {
    if (this.#sources.recent.pending > 0) await this.#waitForKey(key);
    const pending = readRow(this.#sources.engine, key, this.readTs);
    const row = isPending(pending) ? await pending : pending;
    if (row === null) return null;
    if (row.valueKey === null) return row.value;
    return found(row.valueKey, await this.#sources.engine.get("default", row.valueKey, null));
  }

  async getMany(keys: readonly Key[]): Promise<(Buffer | null)[]> {
    if (this.#sources.recent.pending > 0) for (const key of keys) await this.#waitForKey(key);
    const rows: (VisibleRow | null)[] = [];
    for (const key of keys) {
      const row = readRow(this.#sources.engine, key, this.readTs);
      rows.push(isPending(row) ? await row : row);
    }
    const values = this.#values(rows);
    return isPending(values) ? await values : values;
  }

  async scan(range: Range, options: ScanOptions): Promise<Entry[]> {
    if (this.#sources.recent.pending > 0) await this.#waitForRange(range);
    const read = { readTs: this.readTs, options };
    const pending = scanRows(this.#sources.engine, range, read);
    const rows = isPending(pending) ? await pending : pending;
    const looked = this.#values(rows);
    const values = isPending(looked) ? await looked : looked;
    return rows.map(({ key }, index) => ({ key, value: values[index] ?? empty }));
  }

  /** Looks all the long values up at once. */
  #values(rows: readonly (VisibleRow | null)[]): Maybe<(Buffer | null)[]> {
    const values: (Buffer | null)[] = [];
    const long: Buffer[] = [];
    for (const row of rows) {
      values.push(row?.value ?? null);
      if (row !== null && row.valueKey !== null) long.push(row.valueKey);
    }
    if (long.length === 0) return values;
    const fill = (looked: readonly (Buffer | null)[]): (Buffer | null)[] => {
      let next = 0;
      for (const [index, row] of rows.entries()) {
        if (row === null || row.valueKey === null) continue;
        values[index] = found(row.valueKey, looked[next] ?? null);
        next += 1;
      }
      return values;
    };
    const looked = this.#sources.engine.getMany("default", long, null);
    return isPending(looked) ? looked.then(fill) : fill(looked);
  }

  async #waitForKey(key: Key): Promise<void> {
    const name = keyName(key);
    const { recent } = this.#sources;
    let commit = recent.pendingOf(name, this.readTs);
    for (; commit !== null; commit = recent.pendingOf(name, this.readTs)) await settled(commit);
  }

  async #waitForRange(range: Range): Promise<void> {
    const start = keyName(range.start);
    const end = range.end === null ? null : keyName(range.end);
    const { recent } = this.#sources;
    const pending = (): Commit | null => recent.pendingWithin(start, end, this.readTs);
    for (let commit = pending(); commit !== null; commit = pending()) await settled(commit);
  }
}

async function settled(commit: Commit): Promise<void> {
  await commit.settled;
  if (commit.state !== "lost") return;
  throw new IoError(
    "io",
    "the key's last commit may be lost: known when the store is opened again",
  );
}

function found(valueKey: Buffer, value: Buffer | null): Buffer {
  if (value !== null) return value;
  const key = valueKey.toString("hex");
  throw new IoError("corrupt", `the value ${key} that a write record names is not there`);
}
