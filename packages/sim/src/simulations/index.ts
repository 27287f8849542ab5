// The simulations by name.

import type { Simulation } from "../simulation.ts";
import { kv } from "./kv.ts";
import { registry } from "./registry.ts";

export const simulations: readonly Simulation[] = [kv, registry];

export function findSimulation(name: string): Simulation | null {
  return simulations.find((simulation) => simulation.name === name) ?? null;
}
