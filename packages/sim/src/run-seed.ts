// One seed of one simulation, in a world of its own.

import { errorMessage } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import type { Simulation, SimulationReport, Tally } from "./simulation.ts";

export interface SeedResult {
  readonly simulation: string;
  readonly seed: number;
  readonly operations: Tally;
  readonly faults: Tally;
  /** Empty: it passed. */
  readonly problems: readonly string[];
  readonly virtualMs: number;
  /** Equal for two runs that went the same way. */
  readonly traceHash: string;
}

/** A run with very many problems has one cause: the first of them tell it. */
const problemsMax = 20;

export async function runSeed(simulation: Simulation, seed: number): Promise<SeedResult> {
  const world = createSimulatedWorld(seed, { buggify: true });
  let report: SimulationReport;
  try {
    report = await world.drive(simulation.run(world));
  } catch (error) {
    report = { operations: new Map(), faults: new Map(), problems: [describe(error)] };
  }
  const { operations, faults, problems } = report;
  const more = problems.length - problemsMax;
  return {
    simulation: simulation.name,
    seed,
    operations,
    faults,
    problems: [...problems.slice(0, problemsMax), ...(more > 0 ? [`… and ${more} more`] : [])],
    virtualMs: world.nowMs(),
    traceHash: world.traceHash(),
  };
}

function describe(error: unknown): string {
  const stack =
    typeof error === "object" && error !== null && "stack" in error ? error.stack : null;
  return typeof stack === "string" ? stack : errorMessage(error);
}
