// Finds circles in a graph of dependencies: the shortest through one of its edges.

import type { Dependency, DependencyGraph } from "./dependency-graph.ts";

export type Follow = (dependency: Dependency) => boolean;

/** A shortest way, empty when both ends are one; null: there is none. */
export function shortestPath(
  graph: DependencyGraph,
  from: number,
  to: number,
  follow: Follow,
): Dependency[] | null {
  const arrived = new Map<number, Dependency | null>([[from, null]]);
  const queue = [from];
  for (let index = 0; index < queue.length && !arrived.has(to); index += 1) {
    for (const dependency of graph.from(queue[index] ?? from)) {
      if (!follow(dependency) || arrived.has(dependency.to)) continue;
      arrived.set(dependency.to, dependency);
      queue.push(dependency.to);
    }
  }
  if (!arrived.has(to)) return null;
  const path: Dependency[] = [];
  for (let last = arrived.get(to); last; last = arrived.get(last.from)) path.unshift(last);
  return path;
}

/**
 * The strongly connected component of every node that lies on a circle, by a number; nodes that lie
 * on none are left out. Tarjan's algorithm, with a stack of its own: histories are long.
 */
export function components(graph: DependencyGraph, follow: Follow): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  const state: TarjanState = { index: new Map(), low: new Map(), stack: [], onStack: new Set() };
  let count = 0;
  for (const root of graph.nodes) {
    if (state.index.has(root)) continue;
    for (const component of tarjan(graph, follow, { root, state })) {
      if (component.length > 1) for (const node of component) found.set(node, count);
      count += 1;
    }
  }
  return found;
}

interface TarjanState {
  readonly index: Map<number, number>;
  readonly low: Map<number, number>;
  readonly stack: number[];
  readonly onStack: Set<number>;
}

function tarjan(
  graph: DependencyGraph,
  follow: Follow,
  start: { readonly root: number; readonly state: TarjanState },
): number[][] {
  const { state } = start;
  const done: number[][] = [];
  const frames = [enter(graph, state, start.root)];
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const dependency = frame.rest.pop();
    if (dependency === undefined) {
      frames.pop();
      const parent = frames.at(-1);
      if (parent !== undefined) lower(state, parent.node, state.low.get(frame.node) ?? 0);
      if (state.low.get(frame.node) === state.index.get(frame.node)) {
        done.push(popComponent(state, frame.node));
      }
    } else if (follow(dependency)) {
      if (!state.index.has(dependency.to)) frames.push(enter(graph, state, dependency.to));
      else if (state.onStack.has(dependency.to)) {
        lower(state, frame.node, state.index.get(dependency.to) ?? 0);
      }
    }
  }
  return done;
}

function enter(graph: DependencyGraph, state: TarjanState, node: number) {
  state.index.set(node, state.index.size);
  state.low.set(node, state.index.size - 1);
  state.stack.push(node);
  state.onStack.add(node);
  return { node, rest: [...graph.from(node)] };
}

function lower(state: TarjanState, node: number, to: number): void {
  state.low.set(node, Math.min(state.low.get(node) ?? to, to));
}

function popComponent(state: TarjanState, node: number): number[] {
  const component = state.stack.splice(state.stack.lastIndexOf(node));
  for (const member of component) state.onStack.delete(member);
  return component;
}
