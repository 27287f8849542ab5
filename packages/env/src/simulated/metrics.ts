// Metrics that a test can read back.

import type { Labels, MetricOptions, Metrics } from "../env.ts";
import { assert } from "../errors.ts";

export interface SimulatedMetrics extends Metrics {
  /**
   * What a counter has summed up, what a gauge was set to last, how often a histogram was observed;
   * null for a metric or labels that were never touched.
   */
  value(name: string, labels?: Labels): number | null;
}

type Kind = "counter" | "gauge" | "histogram";

interface Metric {
  readonly kind: Kind;
  readonly labels: readonly string[];
  readonly values: Map<string, number>;
}

export function createSimulatedMetrics(): SimulatedMetrics {
  const metrics = new Map<string, Metric>();

  const find = (kind: Kind, name: string, options: MetricOptions): Metric => {
    const known = metrics.get(name);
    assert(known === undefined || known.kind === kind, `metric ${name} is no ${kind}`);
    if (known !== undefined) return known;
    const made = { kind, labels: options.labels ?? [], values: new Map<string, number>() };
    metrics.set(name, made);
    return made;
  };

  return {
    counter: (name, options) => {
      const metric = find("counter", name, options);
      return {
        add: (amount = 1, labels = {}) => {
          assert(amount >= 0, `counter ${name} cannot fall`);
          add(metric, labels, amount);
        },
      };
    },
    gauge: (name, options) => {
      const metric = find("gauge", name, options);
      return { set: (value, labels = {}) => metric.values.set(keyOf(metric, labels), value) };
    },
    histogram: (name, options) => {
      const metric = find("histogram", name, options);
      return { observe: (_value, labels = {}) => add(metric, labels, 1) };
    },
    value: (name, labels = {}) => {
      const metric = metrics.get(name);
      return metric?.values.get(keyOf(metric, labels)) ?? null;
    },
  };
}

function add(metric: Metric, labels: Labels, amount: number): void {
  const key = keyOf(metric, labels);
  metric.values.set(key, (metric.values.get(key) ?? 0) + amount);
}

/** As prom-client, an undeclared label is a fault of the caller. */
function keyOf(metric: Metric, labels: Labels): string {
  for (const name of Object.keys(labels)) {
    assert(metric.labels.includes(name), `label ${name} was not declared`);
  }
  return JSON.stringify(metric.labels.map((name) => labels[name] ?? ""));
}
