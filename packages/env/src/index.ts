// The face of the package: the contracts of the world, the kinds of error, and results.

export type {
  Clock,
  Counter,
  Env,
  Gauge,
  Histogram,
  Labels,
  Log,
  LogFields,
  MetricOptions,
  Metrics,
  Random,
  Timer,
} from "./env.ts";
export {
  AssertionError,
  assert,
  errorCode,
  errorMessage,
  IoError,
  unreachable,
} from "./errors.ts";
export { err, ok, type Result } from "./result.ts";
