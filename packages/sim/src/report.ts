// What a run of seeds prints, and its JSON.

import type { SeedResult } from "./run-seed.ts";
import { sum, type Tally } from "./simulation.ts";

/** The one line that repeats a seed. */
export function repeatLine(
  { simulation, seed }: Pick<SeedResult, "simulation" | "seed">,
  commit: string,
): string {
  return `npm run sim -- ${simulation} --seed ${seed}   # at commit ${commit}`;
}

/** One line for a seed that passed, more for one that did not. */
export function renderSeed(result: SeedResult, commit: string): string {
  const { simulation, seed, operations, faults, problems, virtualMs, traceHash } = result;
  const line = [
    `${simulation} seed ${seed}`,
    problems.length === 0 ? "ok" : "FAILED",
    `${sum(operations)} operations`,
    renderTally(faults),
    `${(virtualMs / 1000).toFixed(1)} virtual s`,
    `trace ${traceHash.slice(0, 12)}`,
  ].join("  ");
  if (problems.length === 0) return line;
  const details = problems.map((problem) => `    ${problem.replaceAll("\n", "\n    ")}`);
  return [line, ...details, `  repeat it with: ${repeatLine(result, commit)}`].join("\n");
}

function renderTally(tally: Tally): string {
  const parts = [...tally].map(([name, count]) => `${count} ${name}`);
  return parts.length === 0 ? "no faults" : parts.join(", ");
}

export interface Summary {
  readonly simulation: string;
  readonly commit: string;
  readonly node: string;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly failed: readonly { readonly seed: number; readonly problems: readonly string[] }[];
  readonly operations: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly virtualSeconds: number;
  readonly wallSeconds: number;
}

export interface RunFacts {
  readonly simulation: string;
  readonly commit: string;
  readonly node: string;
  readonly firstSeed: number;
}

/** Sums up seed by seed, so that long runs need no memory for each. */
export class SummaryBuilder {
  readonly #facts: RunFacts;
  readonly #operations = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #failed: { seed: number; problems: readonly string[] }[] = [];
  #seeds = 0;
  #virtualMs = 0;

  constructor(facts: RunFacts) {
    this.#facts = facts;
  }

  add(result: SeedResult): void {
    this.#seeds += 1;
    this.#virtualMs += result.virtualMs;
    addTally(this.#operations, result.operations);
    addTally(this.#faults, result.faults);
    const { seed, problems } = result;
    if (problems.length > 0) this.#failed.push({ seed, problems });
  }

  finish(wallSeconds: number): Summary {
    return {
      ...this.#facts,
      seeds: this.#seeds,
      failed: this.#failed,
      operations: Object.fromEntries(this.#operations),
      faults: Object.fromEntries(this.#faults),
      virtualSeconds: Math.round(this.#virtualMs / 1000),
      wallSeconds: Math.round(wallSeconds * 10) / 10,
    };
  }
}

export function renderSummary(summary: Summary): string {
  const { simulation, seeds, failed, operations, faults, virtualSeconds, wallSeconds } = summary;
  const total = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((all, count) => all + count, 0);
  const told = [
    `${simulation}: ${seeds} seeds`,
    `${total(operations)} operations`,
    `${total(faults)} faults`,
    `${virtualSeconds} virtual s in ${wallSeconds} s`,
  ].join(", ");
  return `${told}\n${seeds - failed.length} passed, ${failed.length} failed, 0 skipped`;
}

function addTally(to: Map<string, number>, tally: Tally): void {
  for (const [name, count] of tally) to.set(name, (to.get(name) ?? 0) + count);
}
