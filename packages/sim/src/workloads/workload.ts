// Something that clients do again and again to a store, or to what stands on one, over all lives of
// the machine, and what must be true in the end.

import type { Env } from "@sampan/env";
import type { SimulatedWorld } from "@sampan/env/simulated";
import type { Count } from "../simulation.ts";

export interface Client<Target> {
  /** Of the life that it is in. */
  readonly env: Env;
  readonly target: Target;
  /** The same client in the next life has the same; 0 and up. */
  readonly slot: number;
}

/** Counted, and traced: a run and its replay must agree on each. */
export interface StepResult {
  readonly operation: string;
  readonly outcome: string;
}

export interface Workload<Target> {
  readonly name: string;
  /** Writes what it starts from, unless it is there; called in every life before any step. */
  setUp(client: Client<Target>): Promise<void>;
  /** `isQuiet`: nobody writes for a while, this step must not either. */
  step(client: Client<Target>, isQuiet: boolean): Promise<StepResult>;
  /** Called in the end, when nobody else is there; answers what is wrong. */
  check(client: Client<Target>): Promise<readonly string[]>;
}

export interface ClientsOptions {
  readonly clients: number;
  /** The longest pause between two steps of a client. */
  readonly pauseMsMax: number;
  /**
   * Of so many milliseconds the last part is quiet: a write would put on the disk, with its own,
   * what others left unsynced, and cover them up.
   */
  readonly tideMs: number;
  /** The part of a tide that is quiet, 0 to 1. */
  readonly quietShare: number;
}

export interface ClientsParts<Target> {
  readonly world: SimulatedWorld;
  readonly workloads: readonly Workload<Target>[];
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
export function startClients<Target>(
  life: { readonly env: Env; readonly target: Target },
  parts: ClientsParts<Target>,
  options: ClientsOptions,
): RunningClients {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Array.from({ length: options.clients }, (_, slot) =>
    runClient({ ...life, slot }, parts, { ...options, signal }).catch((error: unknown) => {
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

async function runClient<Target>(
  client: Client<Target>,
  parts: ClientsParts<Target>,
  options: ClientsOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { clock, random } = client.env;
  while (!options.signal.aborted) {
    await clock.sleep(random.fraction() * options.pauseMsMax);
    const workload = parts.workloads[random.int(parts.workloads.length)];
    if (workload === undefined || options.signal.aborted) return;
    const tide = (clock.monotonic() % options.tideMs) / options.tideMs;
    const isQuiet = tide > 1 - options.quietShare;
    const { operation, outcome } = await workload.step(client, isQuiet);
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
