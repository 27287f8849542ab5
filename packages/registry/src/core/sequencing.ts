// Which process sequences, and from where it looks. Pure: the shell brings what it read and the
// time.
//
// The lease is one record that names its owner. It is not renewed: an owner that lives empties the
// outbox, so one that has rows lying for a while without the log growing has stopped, and another
// takes over. Time is measured by each watcher's own monotonic clock, so clocks need not agree, and
// an idle registry writes nothing. Two that both think they own it meet at the log's head and one
// loses.

/** Rows lie so long while the log does not grow: the owner has stopped. */
export const takeoverMs = 5_000;

/**
 * So long after a transaction began it cannot commit any more: six times what every store allows.
 */
export const lateCommitMs = 60_000;

/** So often the outbox is looked at from its beginning all the same. */
export const fullLookMs = 10 * 60_000;

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
 * Where a look at the outbox begins. A transaction that began before another may commit after it,
 * so rows appear behind the last one taken, and a look would have to begin at the beginning each
 * time and step over the versions that all taken rows have left behind. But what began before an
 * earlier look of ours, and is not there when that look is `lateCommitMs` old, does not come any
 * more.
 */
export interface Floor {
  /** Rows of transactions that began earlier are all taken. */
  readonly fromTs: bigint;
  /** An earlier look, from which the next floor is made. */
  readonly mark: { readonly startTs: bigint; readonly atMs: number } | null;
}

export const bottom: Floor = { fromTs: 0n, mark: null };

/** After a look at `startTs` that found, and took, all that lies above the floor. */
export function raiseFloor(floor: Floor, startTs: bigint, nowMs: number): Floor {
  const { mark } = floor;
  if (mark === null) return { ...floor, mark: { startTs, atMs: nowMs } };
  if (nowMs - mark.atMs < lateCommitMs) return floor;
  return { fromTs: mark.startTs, mark: { startTs, atMs: nowMs } };
}
