// What goes wrong in a run, and when: drawn before it starts, so that the plan can be printed and
// does not depend on what the run does. Each seed has its own mix; some have no faults at all.

import type { Random } from "@sampan/env";

export type Fault =
  /** Loss of power: what is not synced may be gone. */
  | { readonly type: "crash"; readonly downMs: number }
  /** An orderly stop and start. */
  | { readonly type: "restart"; readonly downMs: number }
  /** One write is turned away; the next one is not. */
  | { readonly type: "busy" }
  /** The wall clock goes forward, or back when negative. */
  | { readonly type: "clock-jump"; readonly byMs: number }
  /** Every write and sync takes up to so long for a while. */
  | { readonly type: "slow-disk"; readonly delayMsMax: number; readonly forMs: number }
  /** A write fails, which only a new start heals; it comes after a while. */
  | {
      readonly type: "write-failure";
      readonly code: "disk-full" | "io";
      readonly forMs: number;
      readonly healedBy: "crash" | "restart";
    };

export type FaultType = Fault["type"];

export interface PlannedFault {
  /** Virtual milliseconds since the start. */
  readonly atMs: number;
  readonly fault: Fault;
}

const faultTypes: readonly FaultType[] = [
  "crash",
  "restart",
  "busy",
  "clock-jump",
  "slow-disk",
  "write-failure",
];
const faultsMax = 8;
const hourMs = 3_600_000;
const clockJumpsMs = [100, 5_000, 60_000, hourMs, 24 * hourMs];

export function planFaults(random: Random, durationMs: number): readonly PlannedFault[] {
  // A crash is what matters most: every second plan without it would be a waste.
  const enabled = faultTypes.filter((type) => type === "crash" || random.int(2) === 0);
  const count = random.int(faultsMax + 1);
  const plan = Array.from({ length: count }, () => {
    const atMs = random.fraction() * durationMs;
    const fault = drawFault(random, enabled[random.int(enabled.length)] ?? "crash");
    return [{ atMs, fault }, ...aftermath(random, atMs)];
  });
  return plan.flat().sort((a, b) => a.atMs - b.atMs);
}

/** What a fault has begun is in its most delicate state right behind it. */
function aftermath(random: Random, atMs: number): PlannedFault[] {
  if (random.int(3) > 0) return [];
  const behindMs = 2 ** (random.fraction() * 10);
  return [{ atMs: atMs + behindMs, fault: drawFault(random, "crash") }];
}

function drawFault(random: Random, type: FaultType): Fault {
  switch (type) {
    case "crash":
    case "restart":
      return { type, downMs: random.int(2_000) };
    case "busy":
      return { type };
    case "clock-jump": {
      const byMs = clockJumpsMs[random.int(clockJumpsMs.length)] ?? 0;
      return { type, byMs: random.int(2) === 0 ? byMs : -byMs };
    }
    case "slow-disk":
      return { type, delayMsMax: 20 + random.int(1_000), forMs: 500 + random.int(5_000) };
    case "write-failure":
      return {
        type,
        code: random.int(2) === 0 ? "disk-full" : "io",
        forMs: random.int(3_000),
        healedBy: random.int(2) === 0 ? "crash" : "restart",
      };
  }
}

/** `crash@1200` and so on, for a report. */
export function renderPlan(plan: readonly PlannedFault[]): string {
  return plan.map(({ atMs, fault }) => `${fault.type}@${atMs.toFixed(0)}`).join(" ");
}
