// What a transaction does to one key.

import { shortValueBytesMax } from "./write-record.ts";

/** The user's bytes. */
export type Key = Uint8Array;

export type Mutation =
  | { readonly type: "put"; readonly key: Key; readonly value: Uint8Array }
  | { readonly type: "delete"; readonly key: Key }
  /** Takes part in the detection of conflicts and changes nothing. */
  | { readonly type: "lock"; readonly key: Key };

/** The value when it goes into the record itself, else null. */
export function shortValueOf(mutation: Mutation): Uint8Array | null {
  if (mutation.type !== "put" || mutation.value.length > shortValueBytesMax) return null;
  return mutation.value;
}

/** The value when it goes into the default family, else null. */
export function longValueOf(mutation: Mutation): Uint8Array | null {
  if (mutation.type !== "put" || mutation.value.length <= shortValueBytesMax) return null;
  return mutation.value;
}
