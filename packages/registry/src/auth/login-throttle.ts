// How fast passwords may be guessed. Each client has a budget of wrong ones; an account is never
// closed, for then whoever guesses would keep its owner out: after a few wrong ones its logins are
// only delayed. A guess is counted when it enters, so that guesses at the same time do not slip
// past, and given back when it was right.

import type { Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import { LRUCache } from "lru-cache";

/** Wrong passwords in a row that a client has; the next ones come back one by one. */
export const clientGuessesMax = 20;
export const guessRefillMs = 6_000;
/** Wrong passwords for an account without a delay: for who mistypes. */
export const accountGuessesFree = 5;
const delayMsFirst = 100;
export const delayMsMax = 2_000;
/** Clients, and accounts, that are tracked; beyond it the one seen longest ago starts afresh. */
const trackedMax = 10_000;

export interface Guess {
  /** Milliseconds to let pass before the password is checked. */
  readonly delayMs: number;
  /** The password was right, and the account's wrong ones are forgotten. */
  right(): void;
  /** Nothing was checked. */
  withdraw(): void;
}

export interface LoginThrottle {
  /** The client has no guess left: how many milliseconds until the next. */
  enter(client: string, account: string): Result<Guess, { readonly waitMs: number }>;
}

export function createLoginThrottle(env: Env): LoginThrottle {
  // When the client's budget is full again, on the monotonic clock (a generic cell rate algorithm).
  const fullAtMs = new LRUCache<string, number>({ max: trackedMax });
  const wrongOf = new LRUCache<string, number>({ max: trackedMax });
  const giveBack = (client: string) =>
    void fullAtMs.set(client, (fullAtMs.get(client) ?? 0) - guessRefillMs);
  return {
    enter(client, account) {
      const nowMs = env.clock.monotonic();
      const fullMs = Math.max(nowMs, fullAtMs.get(client) ?? 0) + guessRefillMs;
      const waitMs = fullMs - nowMs - clientGuessesMax * guessRefillMs;
      if (waitMs > 0) return err({ waitMs });
      fullAtMs.set(client, fullMs);
      const wrong = (wrongOf.get(account) ?? 0) + 1;
      wrongOf.set(account, wrong);
      return ok({
        delayMs: delayOf(wrong),
        right() {
          giveBack(client);
          wrongOf.delete(account);
        },
        withdraw() {
          giveBack(client);
          wrongOf.set(account, Math.max(0, (wrongOf.get(account) ?? 0) - 1));
        },
      });
    },
  };
}

function delayOf(wrong: number): number {
  const over = wrong - accountGuessesFree - 1;
  return over < 0 ? 0 : Math.min(delayMsFirst * 2 ** over, delayMsMax);
}
