// From the reads of a history to the order of the writes of each key, and what is wrong with single
// reads on the way there.

import type { Anomaly, AnomalyType, HistoryTransaction } from "./history.ts";

/** A list that a transaction found, before its own writes to it. */
export interface ExternalRead {
  readonly transaction: HistoryTransaction;
  readonly key: string;
  readonly values: readonly number[];
}

export interface Writer {
  readonly transaction: HistoryTransaction;
  /** No later write of the same transaction to the key. */
  readonly isFinal: boolean;
}

export interface VersionOrders {
  /** Key → the longest list that was read. */
  readonly orders: ReadonlyMap<string, readonly number[]>;
  /** Key → value → who appended it. */
  readonly writers: ReadonlyMap<string, ReadonlyMap<number, Writer>>;
  readonly reads: readonly ExternalRead[];
  readonly anomalies: readonly Anomaly[];
}

const shownMax = 12;

export function versionOrders(history: readonly HistoryTransaction[]): VersionOrders {
  const writers = writersOf(history);
  const anomalies: Anomaly[] = [];
  const reads = history
    .filter(({ outcome }) => outcome === "committed")
    .flatMap((transaction) => externalReads(transaction, anomalies));
  const orders = longestReads(reads, anomalies);
  for (const read of reads) anomalies.push(...wrongValues(read, writers));
  return { orders, writers, reads, anomalies };
}

function writersOf(history: readonly HistoryTransaction[]): Map<string, Map<number, Writer>> {
  const writers = new Map<string, Map<number, Writer>>();
  for (const transaction of history) {
    const finals = new Map<string, number>();
    for (const operation of transaction.operations) {
      if (operation.type === "append") finals.set(operation.key, operation.value);
    }
    for (const operation of transaction.operations) {
      if (operation.type !== "append") continue;
      const { key, value } = operation;
      const ofKey = writers.get(key) ?? new Map<number, Writer>();
      ofKey.set(value, { transaction, isFinal: finals.get(key) === value });
      writers.set(key, ofKey);
    }
  }
  return writers;
}

/**
 * The first list of each key; what the transaction reads later must follow from it and its writes.
 */
function externalReads(transaction: HistoryTransaction, anomalies: Anomaly[]): ExternalRead[] {
  const own = new Map<string, number[]>();
  const found = new Map<string, readonly number[]>();
  for (const operation of transaction.operations) {
    const { key } = operation;
    const appended = own.get(key) ?? [];
    if (operation.type === "append") {
      own.set(key, [...appended, operation.value]);
      continue;
    }
    const before = withoutSuffix(operation.values, appended);
    const expected = found.get(key) ?? before;
    if (before === null || expected === null || !isEqual(before, expected)) {
      const saw = `read ${key} as ${show(operation.values)}`;
      const knew = `after ${show(found.get(key) ?? [])} and its own ${show(appended)}`;
      anomalies.push(anomaly("internal", [transaction.id], `T${transaction.id} ${saw} ${knew}`));
      continue;
    }
    found.set(key, before);
  }
  return [...found].map(([key, values]) => ({ transaction, key, values }));
}

function longestReads(
  reads: readonly ExternalRead[],
  anomalies: Anomaly[],
): Map<string, readonly number[]> {
  const longest = new Map<string, ExternalRead>();
  for (const read of reads) {
    const best = longest.get(read.key);
    if (best === undefined || read.values.length > best.values.length) longest.set(read.key, read);
  }
  for (const read of reads) {
    const order = longest.get(read.key);
    if (order === undefined || isPrefix(read.values, order.values)) continue;
    const [a, b] = [read.transaction.id, order.transaction.id];
    const at = read.values.findIndex((value, index) => value !== order.values[index]);
    const saw = `T${a} read ${read.key} as ${show(read.values.slice(0, at + 1))} up to there`;
    const other = `T${b} as ${show(order.values.slice(0, at + 1))}`;
    anomalies.push(anomaly("incompatible-order", [a, b], `${saw}, ${other}`));
  }
  return new Map([...longest].map(([key, { values }]) => [key, values]));
}

function wrongValues(
  { transaction, key, values }: ExternalRead,
  writers: VersionOrders["writers"],
): Anomaly[] {
  const found: Anomaly[] = [];
  const saw = `T${transaction.id} read ${key} as ${show(values)}`;
  if (new Set(values).size < values.length) {
    found.push(anomaly("duplicate", [transaction.id], `${saw}: a value comes twice`));
  }
  for (const [index, value] of values.entries()) {
    const writer = writers.get(key)?.get(value);
    if (writer === undefined) {
      found.push(anomaly("garbage-read", [transaction.id], `${saw}: nobody appended ${value}`));
      continue;
    }
    const ids = [writer.transaction.id, transaction.id];
    if (writer.transaction.outcome === "aborted") {
      found.push(anomaly("G1a", ids, `${saw}: T${ids[0]}, which appended ${value}, was aborted`));
    }
    const isLast = index === values.length - 1;
    if (isLast && !writer.isFinal && writer.transaction !== transaction) {
      found.push(anomaly("G1b", ids, `${saw}: T${ids[0]} appended more behind ${value}`));
    }
  }
  return found;
}

export function anomaly(
  type: AnomalyType,
  transactions: readonly number[],
  description: string,
): Anomaly {
  return { type, description: `${type}: ${description}`, transactions };
}

/** Null when the list does not end with the suffix. */
function withoutSuffix(
  list: readonly number[],
  suffix: readonly number[],
): readonly number[] | null {
  const start = list.length - suffix.length;
  if (start < 0 || !isEqual(list.slice(start), suffix)) return null;
  return list.slice(0, start);
}

export function isPrefix(prefix: readonly number[], list: readonly number[]): boolean {
  return prefix.length <= list.length && prefix.every((value, index) => value === list[index]);
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && isPrefix(a, b);
}

/** A long list by its end: that is where what is new stands. */
export function show(values: readonly number[]): string {
  const shown = values.slice(-shownMax).join(" ");
  return values.length <= shownMax ? `[${shown}]` : `[${values.length - shownMax} more, ${shown}]`;
}
