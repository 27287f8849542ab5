// Single values by name, each in a record of its own: secrets and counters.

import type { Reader, Transaction } from "@sampan/kv/txn";
import { settingKey } from "./keys.ts";
import { decodeJson, encodeJson } from "./record-bytes.ts";

const settingVersion = 1;

/** Null when it was never written. The caller knows the fields, which only it writes. */
export async function findSetting<Fields extends object>(
  reader: Reader,
  name: string,
): Promise<Fields | null> {
  const value = await reader.get(settingKey(name));
  return value === null ? null : decodeJson<Fields>(value, settingVersion);
}

export function putSetting(transaction: Transaction, name: string, fields: object): void {
  transaction.put(settingKey(name), encodeJson(settingVersion, fields));
}
