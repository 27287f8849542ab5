// One seed of one simulation, in a world of its own.

import { errorMessage } from "@sampan/env";
import { createSimulatedWorld, type SimulatedWorld } from "@sampan/env/simulated";
import type { Play, SimulationReport, Tally } from "./simulation.ts";

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

/** Runs take minutes or hours; one that waits for what never comes ends here. */
const virtualMsMax = 24 * 3_600_000;
/** A run with very many problems has one cause: the first of them tell it. */
const problemsMax = 20;

/** `play` is what the simulation has prepared. */
export async function runSeed(
  { name, play }: { readonly name: string; readonly play: Play },
  seed: number,
): Promise<SeedResult> {
  const world = createSimulatedWorld(seed, { buggify: true });
  let report: SimulationReport;
  try {
    report = await world.drive(Promise.race([play(world), deadline(world)]));
  } catch (error) {
    report = { operations: new Map(), faults: new Map(), problems: [describe(error)] };
  }
  const { operations, faults, problems } = report;
  const more = problems.length - problemsMax;
  return {
    simulation: name,
    seed,
    operations,
    faults,
    problems: [...problems.slice(0, problemsMax), ...(more > 0 ? [`… and ${more} more`] : [])],
    virtualMs: world.nowMs(),
    traceHash: world.traceHash(),
  };
}

async function deadline(world: SimulatedWorld): Promise<never> {
  await world.env.clock.sleep(virtualMsMax);
  throw new Error(`it is not over after ${virtualMsMax / 3_600_000} hours of virtual time`);
}

function describe(error: unknown): string {
  const stack =
    typeof error === "object" && error !== null && "stack" in error ? error.stack : null;
  return typeof stack === "string" ? stack : errorMessage(error);
}
