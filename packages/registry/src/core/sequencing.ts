// Which process sequences, and from where it looks. Pure: the shell brings what it read and the time.
//
// The lease is one record that names its owner. It is not renewed: an owner that lives empties the
// outbox, so one that has rows lying for a while without the log growing has stopped, and another
// takes over. Time is measured by each watcher's own monotonic clock, so clocks need not agree, and an
// idle registry writes nothing. Two that both think they own it meet at the log's head and one loses.

/** Rows lie so long while the log does not grow: the owner has stopped. */
export const takeoverMs = 5_000;

/** Rows whose transactions began longer ago than this cannot appear any more (see `lookFrom`). */
export const lateRowsMs = 60_000;

/** So often the outbox is looked at from its beginning all the same. */
export const fullLookMs = 60_000;

/** What a watcher remembers between its looks. */
export interface Watch {
  readonly owner: string;
  readonly seq: number;
  /** Monotonic, milliseconds. */
  readonly sinceMs: number;
}

export interface Look {
  /** Whom the lease names; null: nobody. */
  readonly owner: string | null;
  /** Last number of the log. */
  readonly seq: number;
  /** Are there rows in the outbox? */
  readonly rows: boolean;
  /** Monotonic, milliseconds. */
  readonly nowMs: number;
}

export type Turn =
  /** Sequence; the lease is ours after it. */
  { readonly type: "work" } | { readonly type: "watch"; readonly watch: Watch | null };

export function decideTurn(self: string, look: Look, watch: Watch | null): Turn {
  if (!look.rows) return { type: "watch", watch: null };
  if (look.owner === null || look.owner === self) return { type: "work" };
  const still = watch !== null && watch.owner === look.owner && watch.seq === look.seq;
  if (still && look.nowMs - watch.sinceMs >= takeoverMs) return { type: "work" };
  const fresh: Watch = { owner: look.owner, seq: look.seq, sinceMs: look.nowMs };
  return { type: "watch", watch: still ? watch : fresh };
}

/**
 * The start timestamp from which the next look must begin, after one from `from` at `startTs` that came
 * to the end of the outbox. A transaction that began before another may commit after it, so rows appear
 * behind the last one taken; but none commits when it is older than ten seconds (the store's bound), and
 * a minute leaves room for one that stood still on its way. Taken rows leave old versions behind that a
 * look has to step over: this is why it does not always begin at the beginning.
 */
export function lookFrom(from: bigint, startTs: bigint): bigint {
  const late = startTs - (BigInt(lateRowsMs) << 18n);
  return late > from ? late : from;
}
