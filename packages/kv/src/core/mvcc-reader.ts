// What an action may look up. The caller has the rows at hand before it asks for a decision (core
// does not wait), all of one snapshot, and holds the key's latch until it has written what was
// decided.

import type { Lock } from "./lock-record.ts";
import type { Key } from "./mutation.ts";
import type { Timestamp } from "./timestamp.ts";
import type { Write } from "./write-record.ts";

export interface MvccReader {
  lock(key: Key): Lock | null;
  /** The newest record of the key committed at or before `timestamp`. */
  seekWrite(key: Key, timestamp: Timestamp): CommittedWrite | null;
}

export interface CommittedWrite {
  readonly commitTs: Timestamp;
  readonly write: Write;
}
