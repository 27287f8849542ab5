// One read of several groups of keys, so that a cluster is asked once and each group is read by
// name.

import { assert } from "@sampan/env";
import type { Key, Reader } from "@sampan/kv/txn";

export type Values = (Uint8Array | null)[];

export async function getGroups<Name extends string>(
  reader: Reader,
  groups: Readonly<Record<Name, readonly Key[]>>,
): Promise<Record<Name, Values>> {
  const names = Object.keys(groups) as Name[];
  const values = await reader.getMany(names.flatMap((name) => groups[name]));
  const found: Partial<Record<Name, Values>> = {};
  let offset = 0;
  for (const name of names) {
    const end = offset + groups[name].length;
    found[name] = values.slice(offset, end);
    offset = end;
  }
  assert(offset === values.length, "a read answers as many values as keys");
  return found as Record<Name, Values>;
}
