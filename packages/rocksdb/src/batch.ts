// A batch from a list of changes, for plain use. Who writes much builds the same bytes as it goes.
//
//   batch   sequence (u64 LE, zero) | count (u32 LE) | entry*
//   entry   tag (u8) | family id (varint32) | bytes | bytes     bytes: length (varint32), content
//
// The tags are RocksDB's value types (db/dbformat.h).

const tags = { delete: 0x04, put: 0x05, deleteRange: 0x0e } as const;
const headerBytes = 12;

/** `family` is a `Family.id`. */
export type Change =
  | {
      readonly type: "put";
      readonly family: number;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly type: "delete"; readonly family: number; readonly key: Uint8Array }
  /** Deletes [from, to); `to` must not be below `from`. */
  | {
      readonly type: "deleteRange";
      readonly family: number;
      readonly from: Uint8Array;
      readonly to: Uint8Array;
    };

/** The bytes that `Database.write` takes. */
export function encodeBatch(changes: readonly Change[]): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(changes.length, 8);
  return Buffer.concat([header, ...changes.flatMap(encodeChange)]);
}

function encodeChange(change: Change): Uint8Array[] {
  const head = Buffer.of(tags[change.type], ...varint(change.family));
  if (change.type === "delete") return [head, ...lengthPrefixed(change.key)];
  const [first, second] =
    change.type === "put" ? [change.key, change.value] : [change.from, change.to];
  return [head, ...lengthPrefixed(first), ...lengthPrefixed(second)];
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array[] {
  return [Buffer.of(...varint(bytes.length)), bytes];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
