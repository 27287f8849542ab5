// What this process remembers of uploads between their requests: who is writing, and the hash of
// what came so far. None of it is needed to go on: after a restart, on another process, or beyond
// the bounds below, the bytes that are stored are hashed again at the end.

import { assert, type Env } from "@sampan/env";
import type { Digest, DigestAlgorithm } from "@sampan/oci/model";
import type { HashPool, StreamHash } from "./hash-pool.ts";

/** Hashes that wait for an upload's next request; the one that waited longest is dropped beyond. */
const sessionsMax = 1_024;
/**
 * A client that is silent between two requests for longer lets go of its hash (and a worker of it).
 */
const idleMs = 5 * 60_000;
/** How long a request waits for the one before it to leave: a client whose connection broke is back
 * before the broken one has been cleared away. */
const busyWaitMs = 1_000;

export interface UploadSession {
  readonly id: string;
  /** Null when it does not cover what is stored. */
  hash: StreamHash | null;
  /** What is stored has this digest and is durable: all that is missing is the record. */
  verified: Verified | null;
}

export interface Verified {
  readonly digest: Digest;
  readonly bytes: number;
}

interface Remembered extends UploadSession {
  busy: boolean;
  /** Requests that wait for it, each a call that gives it to them. */
  readonly waiting: (() => void)[];
  /** Monotonic milliseconds of the last `leave`. */
  leftMs: number;
}

export class UploadSessions {
  readonly #env: Env;
  readonly #hashes: HashPool;
  /**
   * In the order of the last `leave` as to those that are not busy: the map keeps insertion order.
   */
  readonly #sessions = new Map<string, Remembered>();

  constructor(env: Env, hashes: HashPool) {
    this.#env = env;
    this.#hashes = hashes;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /**
   * The session of an upload for one request alone; null when another has it and does not leave for
   * a second. `leave` must follow.
   */
  async enter(id: string): Promise<UploadSession | null> {
    const known = this.#sessions.get(id);
    if (known?.busy === true) return await this.#wait(known);
    const session = known ?? {
      id,
      hash: null,
      verified: null,
      busy: false,
      leftMs: 0,
      waiting: [],
    };
    session.busy = true;
    this.#sessions.set(id, session);
    return session;
  }

  #wait(session: Remembered): Promise<UploadSession | null> {
    return new Promise((resolve) => {
      const enter = (): void => {
        late.cancel();
        resolve(session);
      };
      const late = this.#env.clock.timer(busyWaitMs, () => {
        session.waiting.splice(session.waiting.indexOf(enter), 1);
        resolve(null);
      });
      session.waiting.push(enter);
    });
  }

  /**
   * Compares the hash with what is stored: one of other bytes is dropped (another process went on
   * with the upload), and at the start of an upload a new one is begun. `wanted`: the algorithm
   * that will be asked for, where it is known.
   */
  align(session: UploadSession, stored: number, wanted: DigestAlgorithm | null): void {
    const algorithm = wanted ?? session.hash?.algorithm ?? "sha256";
    const fits = session.hash?.bytes === stored && session.hash.algorithm === algorithm;
    if (!fits) this.dropHash(session);
    if (session.hash === null && stored === 0) session.hash = this.#hashes.start(algorithm);
  }

  leave(session: UploadSession): void {
    const known = this.#known(session);
    const next = known.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    known.busy = false;
    known.leftMs = this.#env.clock.monotonic();
    this.#sessions.delete(known.id);
    if (known.hash === null && known.verified === null) return;
    this.#sessions.set(known.id, known);
    if (this.#sessions.size > sessionsMax) this.#dropLongestIdle();
  }

  dropHash(session: UploadSession): void {
    session.hash?.abandon();
    session.hash = null;
  }

  /** Called now and then: lets go of what nobody came back for. */
  dropIdle(): void {
    const oldest = this.#env.clock.monotonic() - idleMs;
    for (const session of this.#sessions.values()) {
      if (!session.busy && session.leftMs < oldest) this.#forget(session);
    }
  }

  #dropLongestIdle(): void {
    for (const session of this.#sessions.values()) {
      if (session.busy) continue;
      this.#forget(session);
      return;
    }
  }

  #forget(session: Remembered): void {
    this.dropHash(session);
    this.#sessions.delete(session.id);
  }

  #known(session: UploadSession): Remembered {
    const known = this.#sessions.get(session.id);
    assert(known === session, "a session that was not entered");
    return known;
  }
}
