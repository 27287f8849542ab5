// What a reader sees of the store at its timestamp. The engine is read as it is now: records carry
// their commit's timestamp, so what came later is passed over, and collection never takes what a
// live reader needs. Only a commit at or before the timestamp that is still on its way to the disk
// must be waited for, and only by readers of its keys; so no read shows what a crash could take
// back. hot path

import { type Clock, IoError } from "@sampan/env";
import { dataKey, type Timestamp, type VisibleRow } from "../core/index.ts";
import type { Engine, Latin1Rows, Maybe } from "../engine/engine.ts";
import type {
  Entry,
  JoinedKeys,
  JoinOptions,
  Key,
  Latin1Entries,
  Range,
  ScanOptions,
} from "../txn/txn.ts";
import { keyName } from "../txn/write-buffer.ts";
import type { NewestValues } from "./newest-values.ts";
import type { PointReader } from "./point-reader.ts";
import type { Commit, RecentCommits } from "./recent-commits.ts";
import { isPending, scanRows, visibleJoined, visibleLatin1 } from "./version-reads.ts";
import type { VisibleScans } from "./visible-scans.ts";

export interface ViewSources {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly recent: RecentCommits;
  readonly newest: NewestValues;
  readonly points: PointReader;
  readonly scans: VisibleScans;
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
    const { engine, recent, newest, points } = this.#sources;
    const name = keyName(key);
    if (recent.pendingOf(name, this.readTs) !== null) await this.#waitForKey(name);
    const known = newest.get(name, this.readTs);
    if (known !== undefined) return known;
    const pending = points.read(key, this.readTs);
    const row = isPending(pending) ? await pending : pending;
    const looked = row === null ? null : (row.value ?? engine.get("default", row.valueKey, null));
    const value = isPending(looked) ? await looked : looked;
    if (row !== null && value === null) throw valueMissing(row);
    this.#keep(name, value);
    return value;
  }

  async getMany(keys: readonly Key[]): Promise<(Buffer | null)[]> {
    const { recent, newest } = this.#sources;
    const names = keys.map(keyName);
    for (const name of names) {
      if (recent.pendingOf(name, this.readTs) !== null) await this.#waitForKey(name);
    }
    const known = names.map((name) => newest.get(name, this.readTs));
    const unknown = keys.filter((_, index) => known[index] === undefined);
    if (unknown.length === 0) return known.map((value) => value ?? null);
    const values = await this.#readMany(unknown);
    let next = 0;
    return known.map((value, index) => {
      if (value !== undefined) return value;
      const read = values[next++] ?? null;
      this.#keep(names[index] ?? "", read);
      return read;
    });
  }

  async scan(range: Range, options: ScanOptions): Promise<Entry[]> {
    if (this.#sources.recent.pending > 0) await this.#waitForRange(range);
    const read = { readTs: this.readTs, options };
    const pending = scanRows(this.#sources, range, read);
    const rows = isPending(pending) ? await pending : pending;
    const looked = this.#values(rows);
    const values = isPending(looked) ? await looked : looked;
    return rows.map(({ key }, index) => ({ key, value: values[index] ?? empty }));
  }

  async scanLatin1(range: Range, options: ScanOptions): Promise<Latin1Entries> {
    if (this.#sources.recent.pending > 0) await this.#waitForRange(range);
    const pending = visibleLatin1(this.#sources, range, { readTs: this.readTs, options });
    const rows = isPending(pending) ? await pending : pending;
    if (rows === null) return latin1Of(await this.scan(range, options));
    if (rows.longs.includes(true)) await this.#lookUpLongs(rows);
    return rows;
  }

  async scanJoined(range: Range, options: JoinOptions): Promise<JoinedKeys> {
    if (this.#sources.recent.pending > 0) await this.#waitForRange(range);
    const joined = visibleJoined(this.#sources, range, { readTs: this.readTs, options });
    if (joined !== null) return joined;
    const { limit, skip, drop, separator } = options;
    const entries = await this.scan(range, { limit, keysOnly: true });
    const texts = entries.map(({ key }) =>
      latin1(key.subarray(skip, Math.max(0, key.length - drop))),
    );
    return { text: texts.join(separator), count: texts.length };
  }

  async #lookUpLongs({ keys, values, longs }: Latin1Rows): Promise<void> {
    const places = [...longs.keys()].filter((place) => longs[place]);
    const found = await this.#values(
      places.map((place) => {
        const key = Buffer.from(keys[place] ?? "", "latin1");
        const end = Buffer.from(values[place] ?? "", "latin1");
        return { key, value: null, valueKey: Buffer.concat([dataKey(key), end]) };
      }),
    );
    for (const [index, place] of places.entries()) values[place] = latin1(found[index] ?? empty);
  }

  async #readMany(keys: readonly Key[]): Promise<(Buffer | null)[]> {
    const rows: (VisibleRow | null)[] = [];
    for (const key of keys) {
      const row = this.#sources.points.read(key, this.readTs);
      rows.push(isPending(row) ? await row : row);
    }
    return this.#values(rows);
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
        const value = looked[next++] ?? null;
        if (value === null) throw valueMissing(row);
        values[index] = value;
      }
      return values;
    };
    const looked = this.#sources.engine.getMany("default", long, null);
    return isPending(looked) ? looked.then(fill) : fill(looked);
  }

  /** It is the newest of its key if no commit of any key has begun since this view's moment. */
  #keep(name: string, value: Buffer | null): void {
    const { recent, newest } = this.#sources;
    if (recent.newestTs <= this.readTs) newest.offer(name, this.readTs, value);
  }

  async #waitForKey(name: string): Promise<void> {
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

function valueMissing({ valueKey }: VisibleRow): IoError {
  const key = valueKey?.toString("hex") ?? "";
  return new IoError("corrupt", `the value ${key} that a write record names is not there`);
}

function latin1Of(entries: readonly Entry[]): Latin1Entries {
  return {
    keys: entries.map(({ key }) => latin1(key)),
    values: entries.map(({ value }) => latin1(value)),
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
