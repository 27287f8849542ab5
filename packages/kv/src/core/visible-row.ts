// A row as a read answers it.

import { timestampBytes } from "./timestamp.ts";
import type { WriteRow } from "./write-row.ts";

/** A long value lies in the default family under `valueKey`: look many up at once. */
export type VisibleRow =
  | { readonly key: Buffer; readonly value: Buffer; readonly valueKey: null }
  | { readonly key: Buffer; readonly value: null; readonly valueKey: Buffer };

/** What a read wants of a row's value. */
export interface ReadOptions {
  /** Values come empty and long ones need no looking up. */
  readonly keysOnly?: boolean;
}

const empty = Buffer.alloc(0);

/** `bytes` are the record that `row` has read, `encodedKey` is the data key. Both are copied. */
export function visibleRow(
  key: Buffer,
  row: WriteRow,
  from: { readonly bytes: Buffer; readonly encodedKey: Buffer; readonly keysOnly: boolean },
): VisibleRow {
  if (from.keysOnly) return { key, value: empty, valueKey: null };
  if (row.valueStart >= 0) {
    const value = Buffer.from(from.bytes.subarray(row.valueStart, row.valueEnd));
    return { key, value, valueKey: null };
  }
  const { encodedKey } = from;
  const valueKey = Buffer.allocUnsafe(encodedKey.length + timestampBytes);
  encodedKey.copy(valueKey);
  row.writeInvertedStart(valueKey, encodedKey.length);
  return { key, value: null, valueKey };
}
