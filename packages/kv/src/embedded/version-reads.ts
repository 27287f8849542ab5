// Reads versions off the engine: hands the rows of the write family to core's readers and does what
// they ask for. Nothing here waits unless rows have to come from the disk, or there are so many that
// others must get their turn in between.
// hot path

import { type Clock, IoError } from "@sampan/env";
import {
  BackwardScan,
  dataKey,
  dataRange,
  encodeTimestamp,
  ForwardScan,
  type Timestamp,
  type VisibleRow,
} from "../core/index.ts";
import type {
  Engine,
  JoinedKeys,
  Latin1Rows,
  Maybe,
  VisibleIterator,
  VisibleOptions,
} from "../engine/engine.ts";
import type { JoinOptions, Range, ScanOptions } from "../txn/txn.ts";
import type { Opened } from "./kept-iterator.ts";
import type { VisibleScans } from "./visible-scans.ts";

/** Rows looked at in one turn of the event loop, about 3 ms; then others have theirs. */
export const rowsPerTurn = 1000;
/** Where the engine passes over rows by itself, only the time says how many those were. */
const turnMsMax = 4;
const rowsPerClockReading = 8;

const empty = Buffer.alloc(0);

/** Where rows are looked at, and what lets others run in between. */
export interface ScanParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly scans: VisibleScans;
}

/** What is walked: an engine's iterator, of whatever rows. */
type Rows = Pick<VisibleIterator, "next" | "close">;

/** Whether there is something to wait for. */
export function isPending<T>(maybe: Maybe<T>): maybe is Promise<T> {
  return maybe instanceof Promise;
}

/** The rows of the range at `readTs` in the scan's direction, at most `limit`. */
export function scanRows(
  parts: ScanParts,
  range: Range,
  read: { readonly readTs: Timestamp; readonly options: ScanOptions },
): Maybe<VisibleRow[]> {
  const { lower, upper } = dataRange(range.start, range.end);
  if (Buffer.compare(lower, upper) >= 0) return [];
  const { limit, reverse = false, keysOnly = false } = read.options;
  const { engine, clock, scans } = parts;
  if (!reverse) {
    const readTs = encodeTimestamp(read.readTs);
    const options = { lower, upper, readTs, keysOnly, rowsWanted: limit };
    const opened = scans.take(options);
    if (opened !== null) return visibleRows(parts, opened, options);
  }
  const rows: VisibleRow[] = [];
  const take = (row: VisibleRow | null): boolean => {
    if (row !== null) rows.push(row);
    return rows.length < limit;
  };
  const iterator = engine.iterate("write", { lower, upper, reverse, snapshot: null });
  const scan = reverse
    ? new BackwardScan(read.readTs, { keysOnly })
    : new ForwardScan(read.readTs, { keysOnly });
  const visit = (): boolean => {
    const step = scan.step(iterator.key, iterator.value);
    if (step === "row") return take(scan.row);
    if (step === "seek" && scan.target !== null) iterator.seek(scan.target);
    if (step === "malformed") throw malformed(iterator.key);
    return true;
  };
  const walk = (): Maybe<void> => walkInTurns(iterator, visit, clock);
  const close = (): void => iterator.close();
  return closeAfter(close, walk, () => {
    if (scan instanceof BackwardScan && rows.length < limit && scan.end()) take(scan.row);
    return rows;
  });
}

/** The engine decides what is visible; here the rows are only taken. */
function visibleRows(
  { scans, clock }: ScanParts,
  opened: Opened<VisibleIterator>,
  options: VisibleOptions,
): Maybe<VisibleRow[]> {
  const { iterator } = opened;
  const { keysOnly, rowsWanted: limit } = options;
  const rows: VisibleRow[] = [];
  const visit = (): boolean => {
    const key = iterator.copyKey();
    if (keysOnly) rows.push({ key, value: empty, valueKey: null });
    else if (!iterator.isLong) rows.push({ key, value: iterator.copyValue(), valueKey: null });
    else {
      const valueKey = Buffer.concat([dataKey(key), iterator.copyValue()]);
      rows.push({ key, value: null, valueKey });
    }
    return rows.length < limit;
  };
  return closeAfter(
    (hasFailed) => scans.give(opened, hasFailed),
    () => walkInTurns(iterator, visit, clock),
    () => rows,
  );
}

/**
 * As `scanRows`, forwards, as text; the value of one that `longs` marks ends its key in the default
 * family. Null: the engine has no way of its own.
 */
export function visibleLatin1(
  { scans, clock }: ScanParts,
  range: Range,
  read: { readonly readTs: Timestamp; readonly options: ScanOptions },
): Maybe<Latin1Rows> | null {
  const rows: Latin1Rows = { keys: [], values: [], longs: [] };
  const { lower, upper } = dataRange(range.start, range.end);
  if (Buffer.compare(lower, upper) >= 0) return rows;
  const { limit, keysOnly = false } = read.options;
  const readTs = encodeTimestamp(read.readTs);
  const opened = scans.take({ lower, upper, readTs, keysOnly, rowsWanted: limit });
  if (opened === null) return null;
  const { iterator } = opened;
  const nextPage = (): Maybe<boolean> => rows.keys.length < limit && iterator.nextLatin1(rows);
  const walk = (): Maybe<void> => pagesInTurns(nextPage, clock);
  const give = (hasFailed: boolean): void => scans.give(opened, hasFailed);
  return closeAfter(give, walk, () => rows);
}

/** The keys alone, as one text. Null: the engine has no way of its own. */
export function visibleJoined(
  { scans, clock }: ScanParts,
  range: Range,
  read: { readonly readTs: Timestamp; readonly options: JoinOptions },
): Maybe<JoinedKeys> | null {
  const joined: JoinedKeys = { text: "", count: 0 };
  const { lower, upper } = dataRange(range.start, range.end);
  if (Buffer.compare(lower, upper) >= 0) return joined;
  const { limit } = read.options;
  const readTs = encodeTimestamp(read.readTs);
  const joining = read.options;
  const opened = scans.take({ lower, upper, readTs, keysOnly: true, rowsWanted: limit, joining });
  if (opened === null) return null;
  const { iterator } = opened;
  const nextPage = (): Maybe<boolean> => joined.count < limit && iterator.nextJoined(joined);
  const walk = (): Maybe<void> => pagesInTurns(nextPage, clock);
  const give = (hasFailed: boolean): void => scans.give(opened, hasFailed);
  return closeAfter(give, walk, () => joined);
}

/** A page is at most about 1 ms of work. */
function pagesInTurns(nextPage: () => Maybe<boolean>, clock: Clock): Maybe<void> {
  let more = nextPage();
  const startedMs = clock.monotonic();
  while (more === true && clock.monotonic() - startedMs <= turnMsMax) more = nextPage();
  if (more === false) return;
  const goOn = async (): Promise<void> => {
    while (await more) {
      if (!isPending(more)) await clock.sleep(0);
      more = nextPage();
    }
  };
  return goOn();
}

/** Closes what is walked, or gives it back, when the walk is over, then asks for the result. */
function closeAfter<T>(
  close: (hasFailed: boolean) => void,
  walk: () => Maybe<void>,
  result: () => T,
): Maybe<T> {
  const fail = (error: unknown): never => {
    close(true);
    throw error;
  };
  const end = (): T => {
    close(false);
    return result();
  };
  let walking: Maybe<void>;
  try {
    walking = walk();
  } catch (error) {
    return fail(error);
  }
  return isPending(walking) ? walking.then(end, fail) : end();
}

/** As `walkRows`, with a pause after each turn's rows. */
function walkInTurns(iterator: Rows, visit: () => boolean, clock: Clock): Maybe<void> {
  let rowsLeft = rowsPerTurn;
  let goesOn = true;
  let startedMs = clock.monotonic();
  const visitInTurn = (): boolean => {
    rowsLeft -= 1;
    goesOn = visit();
    const looksAtTime = rowsLeft % rowsPerClockReading === 0;
    if (looksAtTime && clock.monotonic() - startedMs > turnMsMax) rowsLeft = 0;
    return goesOn && rowsLeft > 0;
  };
  const isTurnOver = (): boolean => goesOn && rowsLeft === 0;
  const first = walkRows(iterator, visitInTurn);
  if (!isPending(first) && !isTurnOver()) return;
  const walkOnInTurns = async (): Promise<void> => {
    await first;
    while (isTurnOver()) {
      await clock.sleep(0);
      rowsLeft = rowsPerTurn;
      startedMs = clock.monotonic();
      const turn = walkRows(iterator, visitInTurn);
      if (isPending(turn)) await turn;
    }
  };
  return walkOnInTurns();
}

/**
 * Walks until `visit` answers false or the rows end.
 * Without a promise for each row: only a page of rows that comes from the disk is waited for.
 */
export function walkRows(iterator: Rows, visit: () => boolean): Maybe<void> {
  for (;;) {
    const more = iterator.next();
    if (isPending(more)) return walkOn(iterator, visit, more);
    if (!more || !visit()) return;
  }
}

async function walkOn(
  iterator: Rows,
  visit: () => boolean,
  first: Promise<boolean>,
): Promise<void> {
  let more: Maybe<boolean> = first;
  for (;;) {
    const isRow = isPending(more) ? await more : more;
    if (!isRow || !visit()) return;
    more = iterator.next();
  }
}

export function malformed(key: Buffer): IoError {
  return new IoError(
    "corrupt",
    `the record ${key.toString("hex")} of the write family is malformed`,
  );
}
