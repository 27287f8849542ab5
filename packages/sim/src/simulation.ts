// What one seed of a simulation does and tells. A simulation composes the same roles as a server
// does, in a world of virtual time, lets workloads and faults loose on them, and asks the checkers.

import type { SimulatedWorld } from "@sampan/env/simulated";

export interface Simulation {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /**
   * What all seeds begin with, made once and in real time: work that leaves the thread, as the hash
   * of a password does, has no place in a world.
   */
  prepare(): Promise<Play>;
}

/** Plays one seed, all of it within the world. */
export type Play = (world: SimulatedWorld) => Promise<SimulationReport>;

export interface SimulationReport {
  /** What clients did, by kind and outcome. */
  readonly operations: Tally;
  readonly faults: Tally;
  /** What must not have happened; the run passes when there is none. */
  readonly problems: readonly string[];
}

/** How often each thing happened. */
export type Tally = ReadonlyMap<string, number>;

export class Count {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get tally(): Tally {
    return new Map([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

export function sum(tally: Tally): number {
  return [...tally.values()].reduce((total, count) => total + count, 0);
}
