// What was found out about a credential shortly before, so that a request costs a keyed hash and
// not a scrypt or a signature. Keys are HMACs under a key of this process: memory holds no
// credential. Hot path.

import { createHmac } from "node:crypto";
import type { Env } from "@sampan/env";
import { LRUCache } from "lru-cache";

/** The least recently used is forgotten beyond it; it is then verified again. */
const cachedMax = 10_000;

/** The keys under which credentials are cached. */
export function createCredentialKeys(env: Env): (credential: string) => string {
  const secret = env.random.bytes(32);
  return (credential) => createHmac("sha256", secret).update(credential).digest("base64");
}

export interface CredentialCache<Value extends object> {
  get(key: string): Value | null;
  put(key: string, value: Value, forMs: number): void;
  /** After a password changed. */
  clear(): void;
}

export function createCredentialCache<Value extends object>(env: Env): CredentialCache<Value> {
  const entries = new LRUCache<string, { readonly value: Value; readonly untilMs: number }>({
    max: cachedMax,
  });
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined || env.clock.monotonic() >= entry.untilMs) return null;
      return entry.value;
    },
    put: (key, value, forMs) =>
      void entries.set(key, { value, untilMs: env.clock.monotonic() + forMs }),
    clear: () => entries.clear(),
  };
}
