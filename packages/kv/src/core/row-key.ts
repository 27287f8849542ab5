// The data key of the row at which a scan stands, kept because the iterator's own buffer moves on.
// hot path

import { timestampBytes } from "./timestamp.ts";

const capacityBytesFirst = 256;
/** Prefix and one group. */
const dataKeyBytesMin = 10;

export class RowKey {
  #buffer: Buffer = Buffer.allocUnsafe(capacityBytesFirst);
  #length = 0;

  /** A view that the next `set` overwrites. */
  get dataKey(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Takes the data key from a version's key; false when that is too short to have one. */
  set(version: Buffer): boolean {
    const length = version.length - timestampBytes;
    if (length < dataKeyBytesMin) return false;
    if (length > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(2 * length);
    version.copy(this.#buffer, 0, 0, length);
    this.#length = length;
    return true;
  }

  clear(): void {
    this.#length = 0;
  }

  /** Whether the version is of the key kept here. Neighbours differ at the end: start there. */
  matches(version: Buffer): boolean {
    const length = this.#length;
    if (version.length !== length + timestampBytes) return false;
    for (let at = length - 1; at >= 0; at--) {
      if (version[at] !== this.#buffer[at]) return false;
    }
    return true;
  }
}

/** Whether a version was committed after the read timestamp, which is given inverted. */
export function isNewer(version: Buffer, invertedReadTs: Buffer): boolean {
  const from = version.length - timestampBytes;
  for (let index = 0; index < timestampBytes; index++) {
    const byte = version[from + index] ?? 0;
    const read = invertedReadTs[index] ?? 0;
    if (byte !== read) return byte < read;
  }
  return false;
}
