// Byte strings in one buffer, as native/packed.h draws them: how keys go to the addon and values
// come back, with no object for each.

const lengthBytes = 4;
/** The length of a value that is not there. */
const none = 0xffff_ffff;

const aligned = (bytes: number) => (bytes + 3) & ~3;

export function packedBytes(items: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const item of items) bytes += lengthBytes + aligned(item.length);
  return bytes;
}

/** `packed` has room for `packedBytes`. */
export function packInto(packed: Buffer, items: readonly Uint8Array[]): void {
  let offset = 0;
  for (const item of items) {
    packed.writeUInt32LE(item.length, offset);
    packed.set(item, offset + lengthBytes);
    offset += lengthBytes + aligned(item.length);
  }
}

/** The items as views of `packed`. */
export function unpack(packed: Buffer, count: number): (Buffer | null)[] {
  const items: (Buffer | null)[] = new Array(count);
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const length = packed.readUInt32LE(offset);
    offset += lengthBytes;
    if (length === none) {
      items[index] = null;
    } else {
      items[index] = packed.subarray(offset, offset + length);
      offset += aligned(length);
    }
  }
  return items;
}
