// The loops that a shell runs around core's readers, over the plain tables.

import { GcScan } from "../actions/gc.ts";
import { PointGet } from "../actions/get.ts";
import { BackwardScan } from "../actions/scan-backward.ts";
import { ForwardScan } from "../actions/scan-forward.ts";
import type { DataRange } from "../data-key.ts";
import type { Modify, MvccFamily } from "../modify.ts";
import type { Key } from "../mutation.ts";
import type { Timestamp } from "../timestamp.ts";
import type { VisibleRow } from "../visible-row.ts";
import { Cursor, lowerBound, type MvccTables, type Row } from "./mvcc-tables.ts";

export interface ScanRequest extends DataRange {
  readonly readTs: Timestamp;
  readonly reverse: boolean;
  readonly limit: number;
  readonly keysOnly: boolean;
}

export interface Scanned {
  readonly rows: readonly VisibleRow[];
  /** How often the iterator jumped. */
  readonly seeks: number;
}

/** Null: a row is malformed. */
export function scanRows(tables: MvccTables, request: ScanRequest): Scanned | null {
  const cursor = new Cursor(rowsBetween(tables, "write", request), request.reverse);
  const backward = request.reverse ? new BackwardScan(request.readTs, request) : null;
  const scan = backward ?? new ForwardScan(request.readTs, request);
  const rows: VisibleRow[] = [];
  for (let row = cursor.next(); row !== null && rows.length < request.limit; row = cursor.next()) {
    const step = scan.step(row.key, row.value);
    if (step === "malformed") return null;
    if (step === "row" && scan.row !== null) rows.push(scan.row);
    if (step === "seek" && scan.target !== null) cursor.seek(scan.target);
  }
  if (backward !== null && rows.length < request.limit && backward.end() && backward.row !== null) {
    rows.push(backward.row);
  }
  return { rows, seeks: cursor.seeks };
}

export function getRow(
  tables: MvccTables,
  key: Key,
  read: { readonly readTs: Timestamp; readonly keysOnly: boolean },
): VisibleRow | "none" | "malformed" {
  const get = new PointGet(key, read.readTs, read);
  for (const row of rowsBetween(tables, "write", get.range)) {
    const step = get.step(row.value);
    if (step === "row" && get.row !== null) return get.row;
    if (step === "none" || step === "malformed") return step;
  }
  return "none";
}

/** The changes of a whole collection; null: a row is malformed. */
export function collect(tables: MvccTables, safePoint: Timestamp): Modify[] | null {
  const gc = new GcScan(safePoint);
  for (const row of tables.rows("write")) {
    if (gc.step(row.key, row.value) === "malformed") return null;
  }
  gc.end();
  return gc.take();
}

export function rowsBetween(
  tables: MvccTables,
  family: MvccFamily,
  range: DataRange,
): readonly Row[] {
  const rows = tables.rows(family);
  return rows.slice(lowerBound(rows, range.lower), lowerBound(rows, range.upper));
}

/** The value of a row, null when it is not where the record says. */
export function valueOfRow(tables: MvccTables, row: VisibleRow): Buffer | null {
  return row.value ?? tables.get("default", row.valueKey);
}
