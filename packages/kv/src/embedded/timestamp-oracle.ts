// Gives out the store's timestamps, each once, rising, over restarts and whatever the wall clock
// does.
//
// As TiKV's placement driver does: an upper bound is on disk before a timestamp below it is given
// out, and a restart begins at the bound. The bound runs ahead of the clock by a window, and is
// moved in the background when half of it is used up; until the new one is on disk, time stands
// below the old one and only the count within a millisecond goes on. So `next` never waits, and an
// idle store writes nothing.

import { type Env, IoError } from "@sampan/env";
import { composeTimestamp, logicalCount, physicalMs, type Timestamp } from "../core/index.ts";
import { leaveToWriter } from "./engine-writer.ts";
import { WallClock } from "./wall-clock.ts";

/** How far the bound runs ahead of the clock. Also how far a crash may carry time ahead of it. */
export const windowMs = 3000;
/**
 * While time is ahead of the clock only counts go on: 2^18 each ms. So crash after crash adds
 * little.
 */
const windowMsAhead = 100;
/** Behind by more than this, the wall clock is worth a warning. */
const behindMsWarned = 60_000;

/** Puts the bound on disk. Called again only after it has answered. */
export type PersistBound = (bound: Timestamp) => Promise<void>;

/** Goes on at `bound` (0 in a new store), which is moved before this resolves. */
export async function openTimestampOracle(
  env: Env,
  persist: PersistBound,
  bound: Timestamp,
): Promise<TimestampOracle> {
  const oracle = new TimestampOracle(env, persist, bound);
  await oracle.extend();
  return oracle;
}

export class TimestampOracle {
  readonly #env: Env;
  readonly #persist: PersistBound;
  readonly #clock: WallClock;
  #physicalMs: number;
  #logical = 0;
  /** No timestamp of this millisecond or a later one may be given out yet. */
  #boundMs: number;
  #extending: Promise<void> | null = null;
  #isBehind = false;

  constructor(env: Env, persist: PersistBound, bound: Timestamp) {
    this.#env = env;
    this.#persist = persist;
    this.#clock = new WallClock(env);
    this.#boundMs = physicalMs(bound);
    this.#physicalMs = Math.max(this.#boundMs, this.#clock.nowMs());
  }

  /** The newest timestamp given out, or one below all that will be. */
  get last(): Timestamp {
    return composeTimestamp(this.#physicalMs, this.#logical);
  }

  /**
   * Greater than every one before. Fails (`io`) only when the bound could not be moved for very
   * long.
   */
  next(): Timestamp {
    const wallMs = this.#clock.nowMs();
    this.#advance(Math.min(wallMs, this.#boundMs - 1));
    if (this.#physicalMs >= this.#boundMs) {
      throw new IoError("io", "no timestamp is left below the bound that is on disk");
    }
    const headMs = Math.max(this.#physicalMs, wallMs);
    if (this.#boundMs - headMs < this.#windowMs(wallMs) / 2) this.#extendBehind();
    this.#warnWhenBehind(wallMs);
    return this.last;
  }

  /** Moves the bound to where it should be now. */
  async extend(): Promise<void> {
    const wallMs = this.#clock.nowMs();
    const boundMs = Math.max(this.#physicalMs, wallMs) + this.#windowMs(wallMs);
    await this.#persist(composeTimestamp(boundMs, 0));
    this.#boundMs = boundMs;
  }

  /** Takes the bound back to what was used, so that an orderly restart carries time nowhere. */
  async close(): Promise<void> {
    await this.#extending;
    this.#boundMs = this.#physicalMs + 1;
    await this.#persist(composeTimestamp(this.#boundMs, 0));
  }

  #advance(reachableMs: number): void {
    if (reachableMs > this.#physicalMs) {
      this.#physicalMs = reachableMs;
      this.#logical = 0;
      return;
    }
    this.#logical += 1;
    if (this.#logical < logicalCount) return;
    this.#physicalMs += 1;
    this.#logical = 0;
  }

  #windowMs(wallMs: number): number {
    return this.#physicalMs > wallMs ? windowMsAhead : windowMs;
  }

  /** Where the bound cannot be written it stays. */
  #extendBehind(): void {
    this.#extending ??= this.extend()
      .catch(leaveToWriter)
      .finally(() => {
        this.#extending = null;
      });
  }

  #warnWhenBehind(wallMs: number): void {
    const behindMs = this.#physicalMs - wallMs;
    if (behindMs <= behindMsWarned) {
      this.#isBehind &&= behindMs > 0;
    } else if (!this.#isBehind) {
      this.#isBehind = true;
      this.#env.log.warn("the wall clock is behind the store's time, which goes on from there", {
        behindMs,
      });
    }
  }
}
