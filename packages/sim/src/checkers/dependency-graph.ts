// Who must have come before whom, as far as the reads tell (Adya's dependencies), and, where the
// store promises it, as far as the clock on the wall tells.

import type { HistoryTransaction } from "./history.ts";
import { isPrefix, type VersionOrders } from "./version-orders.ts";

export type DependencyType =
  /** The second appended right behind the first. */
  | "ww"
  /** The second read what the first appended last. */
  | "wr"
  /** The first read the list to which the second then appended. */
  | "rw"
  /** The first had its answer before the second began. */
  | "rt";

export interface Dependency {
  readonly type: DependencyType;
  readonly from: number;
  readonly to: number;
  /** For a report: `x 1 2`, the key and the values on both sides. */
  readonly about: string;
}

export class DependencyGraph {
  readonly #outgoing = new Map<number, Dependency[]>();
  readonly #seen = new Set<string>();

  get nodes(): readonly number[] {
    return [...this.#outgoing.keys()];
  }

  /** One of each type between two transactions is enough, and none to oneself. */
  add(dependency: Dependency): void {
    const { type, from, to } = dependency;
    const name = `${type} ${from} ${to}`;
    if (from === to || this.#seen.has(name)) return;
    this.#seen.add(name);
    this.#outgoing.set(from, [...this.from(from), dependency]);
    if (!this.#outgoing.has(to)) this.#outgoing.set(to, []);
  }

  from(node: number): readonly Dependency[] {
    return this.#outgoing.get(node) ?? [];
  }

  all(): Dependency[] {
    return this.nodes.flatMap((node) => this.from(node));
  }
}

export function dependencyGraph(
  history: readonly HistoryTransaction[],
  versions: VersionOrders,
  options: { readonly realTime: boolean },
): DependencyGraph {
  const graph = new DependencyGraph();
  const writerOf = (key: string, value: number | undefined): number | null => {
    if (value === undefined) return null;
    return versions.writers.get(key)?.get(value)?.transaction.id ?? null;
  };
  for (const [key, order] of versions.orders) {
    for (let index = 1; index < order.length; index += 1) {
      const from = writerOf(key, order[index - 1]);
      const to = writerOf(key, order[index]);
      const about = `${key} ${order[index - 1]} ${order[index]}`;
      if (from !== null && to !== null) graph.add({ type: "ww", from, to, about });
    }
  }
  for (const { transaction, key, values } of versions.reads) {
    const reader = transaction.id;
    const order = versions.orders.get(key) ?? [];
    // One that fits into no order has been reported.
    if (!isPrefix(values, order)) continue;
    const writer = writerOf(key, values.at(-1));
    const next = writerOf(key, order[values.length]);
    const about = `${key} ${values.at(-1) ?? "(empty)"}`;
    if (writer !== null) graph.add({ type: "wr", from: writer, to: reader, about });
    const missed = `${about} ${order[values.length]}`;
    if (next !== null) graph.add({ type: "rw", from: reader, to: next, about: missed });
  }
  if (options.realTime) addRealTime(history, graph);
  return graph;
}

/**
 * Of all pairs only those without another in between: whoever ended before a member of the frontier
 * began is behind that one. An unknown outcome has no end: it may be committed any time later.
 */
function addRealTime(history: readonly HistoryTransaction[], graph: DependencyGraph): void {
  const happened = history.filter(({ outcome }) => outcome === "committed");
  const moments = happened.flatMap((transaction) => [
    { at: transaction.beganAt, isBegin: true, transaction },
    ...(transaction.endedAt === null
      ? []
      : [{ at: transaction.endedAt, isBegin: false, transaction }]),
  ]);
  let frontier: HistoryTransaction[] = [];
  for (const { isBegin, transaction } of moments.sort((a, b) => a.at - b.at)) {
    if (isBegin) {
      for (const before of frontier) {
        graph.add({ type: "rt", from: before.id, to: transaction.id, about: "answered before" });
      }
      continue;
    }
    frontier = frontier.filter(({ endedAt }) => (endedAt ?? 0) >= transaction.beganAt);
    frontier.push(transaction);
  }
}
