// What was found out about a credential shortly before, so that a request costs a keyed hash and
// not a scrypt or a signature. Keys are HMACs under a key of this process: memory holds no
// credential. Hot path.

import { createHmac } from "node:crypto";
import type { Env } from "@sampan/env";
import { LRUCache } from "lru-cache";

/** The least recently used is forgotten beyond it; it is then verified again. */
const rememberedMax = 10_000;

/** The keys under which credentials are remembered. */
export function createCredentialKeys(env: Env): (header: string) => string {
  const secret = env.random.bytes(32);
  return (header) => createHmac("sha256", secret).update(header).digest("base64");
}

export interface Remembered<Value extends object> {
  get(key: string): Value | null;
  /** Was it ever put, and not yet forgotten? Also when its time has passed. */
  has(key: string): boolean;
  put(key: string, value: Value, forMs: number): void;
  /** After a password changed. */
  clear(): void;
}

export function createRemembered<Value extends object>(env: Env): Remembered<Value> {
  const entries = new LRUCache<string, { readonly value: Value; readonly untilMs: number }>({
    max: rememberedMax,
  });
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined || env.clock.monotonic() >= entry.untilMs) return null;
      return entry.value;
    },
    has: (key) => entries.has(key),
    put: (key, value, forMs) =>
      void entries.set(key, { value, untilMs: env.clock.monotonic() + forMs }),
    clear: () => entries.clear(),
  };
}
