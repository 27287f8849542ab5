// What clients saw of a store in which every key holds a list and every write appends a number that
// no other write ever appends. Then a list read says which writes came before it and in which
// order, which is all that a checker needs (Kingsbury and Alvaro, "Elle", VLDB 2020, section 4).

export interface HistoryTransaction {
  /** Index in the history. */
  readonly id: number;
  readonly outcome:
    | "committed"
    /** Surely not committed. */
    | "aborted"
    /** The client never heard, or was told that nobody knows. */
    | "unknown";
  readonly operations: readonly ListOperation[];
  /**
   * Moments of one counter over the whole history: before the first operation, and after the
   * answer.
   */
  readonly beganAt: number;
  /** Null: it was never answered. */
  readonly endedAt: number | null;
}

export type ListOperation =
  | { readonly type: "append"; readonly key: string; readonly value: number }
  | { readonly type: "read"; readonly key: string; readonly values: readonly number[] };

/** Something that snapshot isolation forbids. */
export interface Anomaly {
  readonly type: AnomalyType;
  /** One line: who saw what, with the cycle where there is one. */
  readonly description: string;
  /** The transactions in it. */
  readonly transactions: readonly number[];
}

export type AnomalyType =
  /** A transaction does not see its own writes, or reads a key twice and differently. */
  | "internal"
  /** A value that nobody appended. */
  | "garbage-read"
  /**
   * Two reads of a key of which none is the beginning of the other: one of them saw what is gone.
   */
  | "incompatible-order"
  /** A value twice in one list. */
  | "duplicate"
  /** A write of an aborted transaction was read (Adya's G1a). */
  | "G1a"
  /** A write was read that its transaction wrote over (G1b). */
  | "G1b"
  /** Writes alone go round in a circle (G0). */
  | "G0"
  /** Writes and reads of them do (G1c). */
  | "G1c"
  /** So do they with one read of what was about to be written over (G-single, read skew). */
  | "G-single"
  /** With several of those, never two in a row: write skew is two in a row, and allowed. */
  | "G-nonadjacent"
  /** Two transactions read the same list and both appended to it. */
  | "lost-update"
  /** A committed write is missing for one who came after it. */
  | "lost-append";
