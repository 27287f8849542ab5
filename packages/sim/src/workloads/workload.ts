// Something that clients do to a store again and again, over all lives of the machine, and what
// must be true of the store in the end.

import type { Env } from "@sampan/env";
import type { SimulatedWorld } from "@sampan/env/simulated";
import type { Store } from "@sampan/kv/txn";
import type { Count } from "../simulation.ts";

export interface Client {
  readonly env: Env;
  readonly store: Store;
}

/** Counted, and traced: a run and its replay must agree on each. */
export interface StepResult {
  readonly operation: string;
  readonly outcome: string;
}

export interface Workload {
  readonly name: string;
  /**
   * Writes what it starts from, unless that is there already; called in every life before any step.
   */
  setUp(client: Client): Promise<void>;
  step(client: Client): Promise<StepResult>;
  /** Called in the end, when nobody else is there; answers what is wrong. */
  check(client: Client): Promise<readonly string[]>;
}

export interface ClientsOptions {
  readonly clients: number;
  /** The longest pause between two steps of a client. */
  readonly pauseMsMax: number;
}

export interface ClientsParts {
  readonly world: SimulatedWorld;
  readonly workloads: readonly Workload[];
  readonly operations: Count;
  problem(text: string): void;
}

export interface RunningClients {
  /** Begins no more steps; resolves when those under way have ended. */
  stop(): Promise<void>;
}

/**
 * Lets the clients of one life loose. They end with it, at a stop, or at a store that is closed.
 */
export function startClients(
  client: Client,
  parts: ClientsParts,
  options: ClientsOptions,
): RunningClients {
  const stopping = new AbortController();
  const running = Array.from({ length: options.clients }, () =>
    runClient(client, parts, { ...options, signal: stopping.signal }).catch((error: unknown) => {
      parts.problem(`a client failed: ${describe(error)}`);
    }),
  );
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function runClient(
  client: Client,
  parts: ClientsParts,
  options: ClientsOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { clock, random } = client.env;
  while (!options.signal.aborted) {
    await clock.sleep(random.fraction() * options.pauseMsMax);
    const workload = parts.workloads[random.int(parts.workloads.length)];
    if (workload === undefined || options.signal.aborted) return;
    const { operation, outcome } = await workload.step(client);
    parts.operations.add(`${workload.name} ${operation} ${outcome}`);
    parts.world.trace(`${workload.name} ${operation} ${outcome}`);
    if (outcome === "closed") return;
  }
}

function describe(error: unknown): string {
  return typeof error === "object" && error !== null && "stack" in error
    ? String(error.stack)
    : String(error);
}
