// Credentials that were verified shortly before, so that a request costs a keyed hash and not a scrypt
// or a signature. Keys are HMACs under a key of this process, so that memory holds no credential.
// Hot path.

import { createHmac } from "node:crypto";
import type { Env } from "@sampan/env";
import { LRUCache } from "lru-cache";

/** The least recently used is forgotten beyond it; it is then verified again. */
const rememberedMax = 10_000;

export interface Remembered<Value extends object> {
  /** The key under which a header is remembered. */
  keyOf(header: string): string;
  get(key: string): Value | null;
  put(key: string, value: Value, forMs: number): void;
  /** After a password changed. */
  clear(): void;
}

export function createRemembered<Value extends object>(env: Env): Remembered<Value> {
  const secret = env.random.bytes(32);
  const entries = new LRUCache<string, { readonly value: Value; readonly untilMs: number }>({
    max: rememberedMax,
  });
  return {
    keyOf: (header) => createHmac("sha256", secret).update(header).digest("base64"),
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      if (env.clock.monotonic() < entry.untilMs) return entry.value;
      entries.delete(key);
      return null;
    },
    put: (key, value, forMs) =>
      void entries.set(key, { value, untilMs: env.clock.monotonic() + forMs }),
    clear: () => entries.clear(),
  };
}
