// The real world: the system's clocks, its secure random source, pino's log and prom-client's
// metrics.

import type { Env } from "../env.ts";
import { createNodeClock } from "./clock.ts";
import { createNodeLog, type NodeLogOptions } from "./log.ts";
import { createNodeMetrics } from "./metrics.ts";
import { createNodeRandom } from "./random.ts";

export type { LogFormat, LogLevel, LogStream, NodeLogOptions } from "./log.ts";

export interface NodeEnvOptions {
  /** Who is speaking: the `service` of every log line, such as `registry`. */
  readonly service: string;
  readonly log: NodeLogOptions;
  /** Also measure this process: CPU, memory, garbage collection, lag of the event loop. */
  readonly processMetrics?: boolean;
}

export interface NodeEnv extends Env {
  /** All metrics in Prometheus' text format, of media type `metricsContentType`. */
  renderMetrics(): Promise<string>;
  readonly metricsContentType: string;
  /** Writes out what the log still holds; needed only where the system refused bytes for now. */
  flush(): void;
}

export function createNodeEnv(options: NodeEnvOptions): NodeEnv {
  const { log, flush } = createNodeLog(options.service, options.log);
  const metrics = createNodeMetrics({ process: options.processMetrics ?? false });
  return {
    clock: createNodeClock(),
    random: createNodeRandom(),
    log,
    metrics: metrics.metrics,
    buggify: () => false,
    renderMetrics: metrics.render,
    metricsContentType: metrics.contentType,
    flush,
  };
}
