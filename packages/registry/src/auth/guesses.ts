// Wrong passwords slow the account down: after a few, each further one closes it for a while, twice
// as long each time. Nobody is locked out for long. The same wrong password again is no new guess,
// and a credential that was right before is never kept waiting (verification.ts sees to both):
// neither a node that was left with an old password nor who guesses keeps the owner's clients out.

import type { Env } from "@sampan/env";
import { LRUCache } from "lru-cache";

/** Wrong passwords without a wait: for who mistypes. */
export const guessesFree = 5;
const closedMsFirst = 1_000;
const closedMsMax = 30_000;
/** Names that are tracked; beyond it the one that was tried longest ago starts afresh. */
const namesMax = 10_000;

export interface Guesses {
  /** Milliseconds until a password for this name is checked again; 0: now. */
  closedMs(name: string): number;
  wrong(name: string): void;
  right(name: string): void;
}

export function createGuesses(env: Env): Guesses {
  const names = new LRUCache<string, { readonly count: number; readonly untilMs: number }>({
    max: namesMax,
  });
  return {
    closedMs: (name) => Math.max(0, (names.get(name)?.untilMs ?? 0) - env.clock.monotonic()),
    wrong(name) {
      const count = (names.get(name)?.count ?? 0) + 1;
      names.set(name, { count, untilMs: env.clock.monotonic() + closedFor(count) });
    },
    right: (name) => void names.delete(name),
  };
}

function closedFor(count: number): number {
  const over = count - guessesFree;
  return over < 0 ? 0 : Math.min(closedMsFirst * 2 ** over, closedMsMax);
}
