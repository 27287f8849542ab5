// Where a role is in its life, and the loops that run behind its requests until it ends.

import type { Env } from "@sampan/env";
import type { EmbeddedStore } from "@sampan/kv/embedded";
import type { Health, Phase } from "../admin/health.ts";

export interface Life extends Health {
  /** Moved on by the role. */
  state: "starting" | "ready" | "stopping";
  /** A loop behind the requests has ended early; only a new start brings it back. */
  loopFailed: boolean;
}

export function createLife(store: EmbeddedStore): Life {
  const life: Life = {
    state: "starting",
    loopFailed: false,
    phase(): Phase {
      const failed = life.loopFailed || store.stats().hasFailed;
      return failed && life.state === "ready" ? "failed" : life.state;
    },
  };
  return life;
}

export interface Background {
  /** Runs the loop until `stop`. */
  start(name: string, loop: (until: AbortSignal) => Promise<void>): void;
  /** Resolves when all loops have ended. */
  stop(): Promise<void>;
}

/**
 * A loop that fails does not end the process: what is stored can still be pulled. It makes the
 * process unhealthy, so that whoever watches starts it again.
 */
export function createBackground(env: Env, life: Life): Background {
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  return {
    start(name, loop) {
      const ended = loop(stopping.signal).catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        life.loopFailed = true;
        env.log.error(`${name} failed; start the server again`, { error });
      });
      running.push(ended);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
