// The world as every part of Sampan sees it: time, chance, the log and the metrics. Creators take
// an Env as their first argument; only node/ and simulated/ know what is behind it.

export interface Env {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * True now and then in a simulation, on sites the seed has switched on; always false outside.
   * Production code asks it to offer behaviour that is legal but rare (FoundationDB's BUGGIFY).
   */
  buggify(site: string): boolean;
}

/** Time enters the system here and nowhere else. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump, forwards or back. */
  now(): number;
  /** Milliseconds since an arbitrary start, fractional. Never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fire` once after `ms`, unless cancelled. An exception in `fire` ends the process. */
  timer(ms: number, fire: () => void): Timer;
}

export interface Timer {
  /** After this `fire` is not called. Cancelling twice, or after the firing, does nothing. */
  cancel(): void;
}

/** Chance. The real one is fit for secrets; the simulated one replays from its seed. */
export interface Random {
  /** A whole number, 0 ≤ n < `below`; `below` is at most 2^32. */
  int(below: number): number;
  /** A fraction, 0 ≤ f < 1. */
  fraction(): number;
  bytes(count: number): Uint8Array;
  /** A version 4 UUID, lower case (RFC 9562). */
  uuid(): string;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured lines. Secrets and tokens never enter a field. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Something the operator may want to change. */
  warn(message: string, fields?: LogFields): void;
  /** Something is broken. Fails a simulated run unless its workload expects it. */
  error(message: string, fields?: LogFields): void;
  /** A rare branch was taken: one test names the mark and must hit it (debug level). */
  mark(name: string): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Log;
}

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
}

export interface Histogram {
  /** `value` is in the unit of the metric's name, for times seconds. */
  observe(value: number, labels?: Labels): void;
}

export interface MetricOptions {
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds of a histogram's buckets, rising. */
  readonly buckets?: readonly number[];
}

/** Prometheus' data model. Asking twice for one name gives the same metric. */
export interface Metrics {
  counter(name: string, options: MetricOptions): Counter;
  gauge(name: string, options: MetricOptions): Gauge;
  histogram(name: string, options: MetricOptions): Histogram;
}
