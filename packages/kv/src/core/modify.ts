// What an action wants changed in the engine. The shell puts it into one batch.

import { dataKey, versionKey } from "./data-key.ts";
import type { Lock } from "./lock-record.ts";
import { encodeLock } from "./lock-record.ts";
import type { Key } from "./mutation.ts";
import type { Timestamp } from "./timestamp.ts";
import { encodeWrite, type Write } from "./write-record.ts";

export type MvccFamily = "default" | "lock" | "write";

/** `key` is the engine's, not the user's. */
export type Modify =
  | {
      readonly type: "put";
      readonly family: MvccFamily;
      readonly key: Buffer;
      readonly value: Uint8Array;
    }
  | { readonly type: "delete"; readonly family: MvccFamily; readonly key: Buffer };

export function putLock(key: Key, lock: Lock): Modify {
  return { type: "put", family: "lock", key: dataKey(key), value: encodeLock(lock) };
}

export function deleteLock(key: Key): Modify {
  return { type: "delete", family: "lock", key: dataKey(key) };
}

export function putWrite(key: Key, commitTs: Timestamp, write: Write): Modify {
  const value = encodeWrite(write);
  return { type: "put", family: "write", key: versionKey(key, commitTs), value };
}

export function deleteWrite(key: Key, commitTs: Timestamp): Modify {
  return { type: "delete", family: "write", key: versionKey(key, commitTs) };
}

export function putValue(key: Key, startTs: Timestamp, value: Uint8Array): Modify {
  return { type: "put", family: "default", key: versionKey(key, startTs), value };
}

export function deleteValue(key: Key, startTs: Timestamp): Modify {
  return { type: "delete", family: "default", key: versionKey(key, startTs) };
}
