// Who waits for a password check and in which order: few run at once, a bounded number waits, the
// rest is refused. Strangers wait in one lane, each client with a share of it, so that no client
// fills it; who was right before has a lane of its own, which strangers cannot enter, and which
// goes first.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";

/** libuv's pool serves files and DNS too, so two of its threads at most are taken. */
export const passwordChecksAtOnceMax = 2;
/** Waiting, in each of the lanes. Beyond it a check is refused at once. */
export const passwordChecksWaitingMax = 64;
/** Running and waiting for one client in the lane of strangers. */
export const passwordChecksOfClientMax = 16;

/** `trusted`: who was right before. A client is what `clientOf` says. */
export type Lane =
  | { readonly type: "trusted" }
  | { readonly type: "guess"; readonly client: string };

export type EnterCheck = <T>(lane: Lane, job: () => Promise<T>) => Promise<Result<T, "busy">>;

export function createCheckQueue(): EnterCheck {
  let running = 0;
  const trusted: (() => void)[] = [];
  const guesses: (() => void)[] = [];
  const byClient = new Map<string, number>();
  const count = (lane: Lane, by: number): void => {
    if (lane.type === "trusted") return;
    const inside = (byClient.get(lane.client) ?? 0) + by;
    if (inside === 0) byClient.delete(lane.client);
    else byClient.set(lane.client, inside);
  };
  const isFull = (lane: Lane, waiting: readonly unknown[]): boolean => {
    if (lane.type === "guess" && (byClient.get(lane.client) ?? 0) >= passwordChecksOfClientMax) {
      return true;
    }
    return running === passwordChecksAtOnceMax && waiting.length >= passwordChecksWaitingMax;
  };
  return async (lane, job) => {
    const waiting = lane.type === "trusted" ? trusted : guesses;
    if (isFull(lane, waiting)) return err("busy");
    count(lane, 1);
    if (running < passwordChecksAtOnceMax) running += 1;
    // Whoever leaves hands over its place, so `running` stays as it is.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return ok(await job());
    } finally {
      count(lane, -1);
      const next = trusted.shift() ?? guesses.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
