// Which password of a user was right last, since this process started: it is no guess when it comes
// again. Only a right password gets in, one for each user, so strangers can push none out.

import type { Env } from "@sampan/env";
import { LRUCache } from "lru-cache";
import { createCredentialKeys } from "./credential-cache.ts";

/** Users; beyond it the one who logged in longest ago is a stranger again. */
const usersMax = 10_000;

export interface TrustedPasswords {
  has(user: string, password: string): boolean;
  add(user: string, password: string): void;
  forget(user: string): void;
}

export function createTrustedPasswords(env: Env): TrustedPasswords {
  const keyOf = createCredentialKeys(env);
  const keys = new LRUCache<string, string>({ max: usersMax });
  return {
    has: (user, password) => keys.get(user) === keyOf(password),
    add: (user, password) => void keys.set(user, keyOf(password)),
    forget: (user) => void keys.delete(user),
  };
}
