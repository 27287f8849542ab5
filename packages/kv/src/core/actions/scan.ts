// What scans in both directions tell the shell, which walks the rows of the write family.

/** Rows of one key that are passed one by one before a jump is worth its price. */
export const rowsPassedMax = 8;

export type ScanStep =
  /** Hand over the next row. */
  | "next"
  /** Let the iterator seek `target` first. */
  | "seek"
  /** `row` is the next row of the answer; then go on, or stop at the limit. */
  | "row"
  | "malformed";
