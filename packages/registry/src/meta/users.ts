// Users who log in with a password.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import { createOutbox } from "../events/outbox.ts";
import { userKey } from "./keys.ts";
import type { Unsettled } from "./outcome.ts";
import { settle } from "./outcome.ts";
import { decodeJson, encodeJson } from "./record-bytes.ts";

const userVersion = 1;

export interface User {
  readonly id: number;
  readonly name: string;
  /** System administrators may do everything. */
  readonly admin: boolean;
  /** As auth/passwords.ts writes it: algorithm, parameters, salt, hash. Never logged. */
  readonly passwordHash: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

export function encodeUser(user: User): Uint8Array {
  return encodeJson(userVersion, user);
}

export function decodeUser(bytes: Uint8Array): User {
  const { id, name, admin, passwordHash, createdMs, updatedMs } = decodeJson<User>(
    bytes,
    userVersion,
  );
  return { id, name, admin, passwordHash, createdMs, updatedMs };
}

export async function findUser(reader: Reader, name: string): Promise<User | null> {
  // A name with a zero byte, which only a stranger would send, has no key and no user.
  if (name.includes("\0") || name.length > userNameCharsMax) return null;
  const value = await reader.get(userKey(name));
  return value === null ? null : decodeUser(value);
}

/** Harbor's bound. */
export const userNameCharsMax = 255;

export interface PasswordSetting {
  readonly name: string;
  readonly passwordHash: string;
  readonly actor: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export function setPasswordHash(
  store: Store,
  what: PasswordSetting,
): Promise<Result<User, { readonly code: "user-unknown" } | Unsettled>> {
  return settle(store, async (transaction) => {
    const user = await findUser(transaction, what.name);
    if (user === null) return err({ code: "user-unknown" as const });
    const { nowMs } = what;
    const changed = { ...user, passwordHash: what.passwordHash, updatedMs: nowMs };
    transaction.put(userKey(user.name), encodeUser(changed));
    const outbox = createOutbox(transaction, { actor: what.actor, occurredMs: nowMs });
    outbox.add({ type: "user.password-changed", user: user.name });
    return ok(changed);
  });
}
