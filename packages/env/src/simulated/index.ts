// The simulated world: virtual time, seeded chance, a log that is kept. Same seed, same run.

export type { LogLine } from "./log.ts";
export type { SimulatedMetrics } from "./metrics.ts";
export { createSimulatedRandom, type SimulatedRandom } from "./random.ts";
export {
  createSimulatedWorld,
  type SimulatedProcess,
  type SimulatedWorld,
  SimulationError,
  type WorldOptions,
} from "./world.ts";
