// Reads of the metadata as the handlers do them.

import type { Snapshot, Store } from "@sampan/kv/txn";

export async function reading<T>(store: Store, read: (reader: Snapshot) => Promise<T>): Promise<T> {
  const snapshot = await store.snapshot();
  try {
    return await read(snapshot);
  } finally {
    snapshot.release();
  }
}
