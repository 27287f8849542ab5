// Prometheus metrics in a registry of their own: two environments in one process share nothing.

import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";
import type { Counter, Gauge, Histogram, MetricOptions, Metrics } from "../env.ts";
import { assert } from "../errors.ts";

export interface NodeMetrics {
  readonly metrics: Metrics;
  readonly contentType: string;
  render(): Promise<string>;
}

export function createNodeMetrics(options: { readonly process: boolean }): NodeMetrics {
  const registry = new Registry();
  if (options.process) collectDefaultMetrics({ register: registry });
  return {
    metrics: {
      counter: (name, given) => counter(registry, name, given),
      gauge: (name, given) => gauge(registry, name, given),
      histogram: (name, given) => histogram(registry, name, given),
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
}

function counter(registry: Registry, name: string, options: MetricOptions): Counter {
  const known = registry.getSingleMetric(name);
  assert(known === undefined || known instanceof PromCounter, `metric ${name} is no counter`);
  const metric =
    known ?? new PromCounter({ ...configuration(name, options), registers: [registry] });
  return { add: (amount = 1, labels = {}) => metric.inc(labels, amount) };
}

function gauge(registry: Registry, name: string, options: MetricOptions): Gauge {
  const known = registry.getSingleMetric(name);
  assert(known === undefined || known instanceof PromGauge, `metric ${name} is no gauge`);
  const metric = known ?? new PromGauge({ ...configuration(name, options), registers: [registry] });
  return { set: (value, labels = {}) => metric.set(labels, value) };
}

function histogram(registry: Registry, name: string, options: MetricOptions): Histogram {
  const known = registry.getSingleMetric(name);
  assert(known === undefined || known instanceof PromHistogram, `metric ${name} is no histogram`);
  const buckets = options.buckets === undefined ? {} : { buckets: [...options.buckets] };
  const metric =
    known ??
    new PromHistogram({ ...configuration(name, options), ...buckets, registers: [registry] });
  return { observe: (value, labels = {}) => metric.observe(labels, value) };
}

function configuration(name: string, options: MetricOptions) {
  return { name, help: options.help, labelNames: [...(options.labels ?? [])] };
}
