// Reads versions off the engine: hands the rows of the write family to core's readers and does what
// they ask for. Nothing here waits unless rows have to come from the disk.
// hot path

import { IoError } from "@sampan/env";
import {
  BackwardScan,
  dataRange,
  ForwardScan,
  type Timestamp,
  type VisibleRow,
} from "../core/index.ts";
import type { Engine, EngineIterator, Maybe } from "../engine/engine.ts";
import type { Range, ScanOptions } from "../txn/txn.ts";

/** Whether there is something to wait for. */
export function isPending<T>(maybe: Maybe<T>): maybe is Promise<T> {
  return maybe instanceof Promise;
}

/** The rows of the range at `readTs` in the scan's direction, at most `limit`. */
export function scanRows(
  engine: Engine,
  range: Range,
  read: { readonly readTs: Timestamp; readonly options: ScanOptions },
): Maybe<VisibleRow[]> {
  const { lower, upper } = dataRange(range.start, range.end);
  if (Buffer.compare(lower, upper) >= 0) return [];
  const { limit, reverse = false, keysOnly = false } = read.options;
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
  return closeAfter(iterator, visit, () => {
    if (scan instanceof BackwardScan && rows.length < limit && scan.end()) take(scan.row);
    return rows;
  });
}

/**
 * Walks until `visit` answers false or the rows end, closes the iterator, then asks for the
 * result.
 */
function closeAfter<T>(iterator: EngineIterator, visit: () => boolean, result: () => T): Maybe<T> {
  let pending: Promise<void> | null = null;
  try {
    const walk = walkRows(iterator, visit);
    if (isPending(walk)) pending = walk;
  } finally {
    if (pending === null) iterator.close();
  }
  if (pending === null) return result();
  return pending.finally(() => iterator.close()).then(result);
}

/** Without a promise for each row: only a page of rows that comes from the disk is waited for. */
export function walkRows(iterator: EngineIterator, visit: () => boolean): Maybe<void> {
  for (;;) {
    const more = iterator.next();
    if (isPending(more)) return walkOn(iterator, visit, more);
    if (!more || !visit()) return;
  }
}

async function walkOn(
  iterator: EngineIterator,
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
