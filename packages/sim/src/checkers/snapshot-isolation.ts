// Whether a history of lists could have happened under snapshot isolation. It could if and only if
// nothing is wrong with single reads and no circle is left in (dependencies ; at most one rw):
// write skew, two rw in a row, is the only circle allowed (Cerone and Gotsman, "Analysing snapshot
// isolation", PODC 2016). With `realTime` a transaction must also see what was answered before it
// began.

import { components, type Follow, shortestPath } from "./cycles.ts";
import { type Dependency, DependencyGraph, dependencyGraph } from "./dependency-graph.ts";
import type { Anomaly, HistoryTransaction } from "./history.ts";
import {
  anomaly,
  type ExternalRead,
  show,
  type VersionOrders,
  versionOrders,
} from "./version-orders.ts";

export interface SnapshotIsolationOptions {
  /** The store promises to show what was answered before the transaction began. */
  readonly realTime: boolean;
}

/** At most so many circles of each kind are reported. */
const cyclesMax = 3;

export function checkSnapshotIsolation(
  history: readonly HistoryTransaction[],
  options: SnapshotIsolationOptions,
): readonly Anomaly[] {
  const versions = versionOrders(history);
  const graph = dependencyGraph(history, versions, options);
  return [
    ...versions.anomalies,
    ...lostUpdates(history, versions),
    ...(options.realTime ? lostAppends(history, versions) : []),
    ...cycles(graph),
  ];
}

function cycles(graph: DependencyGraph): Anomaly[] {
  const isWrite: Follow = ({ type }) => type === "ww";
  const isDependency: Follow = ({ type }) => type !== "rw";
  const g0 = cyclesThrough(graph, "G0", { through: isWrite, back: isWrite });
  if (g0.length > 0) return g0;
  const g1c = cyclesThrough(graph, "G1c", { through: isDependency, back: isDependency });
  if (g1c.length > 0) return g1c;
  const isRead: Follow = ({ type }) => type === "rw";
  const single = cyclesThrough(graph, "G-single", { through: isRead, back: isDependency });
  return single.length > 0 ? single : nonadjacent(graph);
}

/** The shortest circles that leave by an edge of one kind and come back by edges of another. */
function cyclesThrough(
  graph: DependencyGraph,
  type: "G0" | "G1c" | "G-single",
  edges: { readonly through: Follow; readonly back: Follow },
): Anomaly[] {
  const component = components(graph, (edge) => edges.through(edge) || edges.back(edge));
  const found: Anomaly[] = [];
  const reported = new Set<string>();
  for (const edge of graph.all()) {
    if (found.length === cyclesMax) break;
    const home = component.get(edge.from);
    if (!edges.through(edge) || home === undefined || home !== component.get(edge.to)) continue;
    const path = shortestPath(graph, edge.to, edge.from, edges.back);
    if (path === null) continue;
    const cycle = [edge, ...path];
    const members = cycle.map(({ from }) => from).sort((a, b) => a - b);
    if (reported.has(members.join())) continue;
    reported.add(members.join());
    found.push(anomaly(type, members, render(cycle)));
  }
  return found;
}

/** Each edge of the second graph stands for a dependency and at most one rw behind it. */
function nonadjacent(graph: DependencyGraph): Anomaly[] {
  const composed = new DependencyGraph();
  const parts = new Map<string, readonly Dependency[]>();
  const add = (steps: readonly [Dependency] | readonly [Dependency, Dependency]) => {
    const [{ from }] = steps;
    const { to } = steps[1] ?? steps[0];
    const name = `${from} ${to}`;
    if (parts.has(name)) return;
    parts.set(name, steps);
    composed.add({ type: "ww", from, to, about: "" });
  };
  for (const first of graph.all()) {
    if (first.type === "rw") continue;
    add([first]);
    for (const second of graph.from(first.to)) if (second.type === "rw") add([first, second]);
  }
  const any: Follow = () => true;
  const component = components(composed, any);
  for (const edge of composed.all()) {
    if (component.get(edge.from) === undefined) continue;
    const path = shortestPath(composed, edge.to, edge.from, any);
    if (path === null) continue;
    const cycle = [edge, ...path].flatMap(({ from, to }) => parts.get(`${from} ${to}`) ?? []);
    return [
      anomaly(
        "G-nonadjacent",
        cycle.map(({ from }) => from),
        render(cycle),
      ),
    ];
  }
  return [];
}

function render(cycle: readonly Dependency[]): string {
  const steps = cycle.map(({ from, type, about }) => `T${from} -${type} (${about})->`);
  return [...steps, `T${cycle[0]?.from ?? ""}`].join(" ");
}

/**
 * The first committer should have won. Told apart from G-single, for one of the writes may be gone.
 */
function lostUpdates(
  history: readonly HistoryTransaction[],
  versions: VersionOrders,
): readonly Anomaly[] {
  const updates = new Map<string, ExternalRead>();
  const found: Anomaly[] = [];
  for (const read of versions.reads) {
    const writes = history[read.transaction.id]?.operations.some(
      (operation) => operation.type === "append" && operation.key === read.key,
    );
    if (writes !== true) continue;
    const version = `${read.key} as ${show(read.values)}`;
    const other = updates.get(version);
    if (other === undefined) {
      updates.set(version, read);
      continue;
    }
    const [a, b] = [other.transaction.id, read.transaction.id];
    found.push(anomaly("lost-update", [a, b], `T${a} and T${b} read ${version} and appended`));
  }
  return found;
}

/** A committed write that stands in no list, though somebody read the key who came after it. */
function lostAppends(
  history: readonly HistoryTransaction[],
  versions: VersionOrders,
): readonly Anomaly[] {
  const last = new Map<string, ExternalRead>();
  for (const read of versions.reads) {
    const known = last.get(read.key);
    const isLater = known === undefined || read.transaction.beganAt > known.transaction.beganAt;
    if (isLater) last.set(read.key, read);
  }
  const found: Anomaly[] = [];
  for (const { id, outcome, operations, endedAt } of history) {
    if (outcome !== "committed" || endedAt === null) continue;
    for (const operation of operations) {
      if (operation.type !== "append") continue;
      const { key, value } = operation;
      const reader = last.get(key);
      if (reader === undefined || reader.transaction.beganAt < endedAt) continue;
      if (versions.orders.get(key)?.includes(value) === true) continue;
      const missed = `T${reader.transaction.id} came later and read ${show(reader.values)}`;
      const text = `T${id} appended ${value} to ${key}, ${missed}`;
      found.push(anomaly("lost-append", [id, reader.transaction.id], text));
    }
  }
  return found;
}
