// Users who log in with a password.

import type { Result } from "@sampan/env";
import type { Reader, Store } from "@sampan/kv/txn";
import type { Unsettled } from "./outcome.ts";

export interface User {
  readonly id: number;
  readonly name: string;
  /** System administrators may do everything. */
  readonly admin: boolean;
  /** As auth/passwords.ts writes it: algorithm, parameters, salt, hash. Never logged. */
  readonly passwordHash: string;
  /** Wall clock of the store, milliseconds since the epoch. */
  readonly createdMs: number;
  readonly updatedMs: number;
}

export declare function findUser(reader: Reader, name: string): Promise<User | null>;

export declare function setPasswordHash(
  store: Store,
  what: { readonly name: string; readonly passwordHash: string; readonly actor: string },
): Promise<Result<User, { readonly code: "user-unknown" } | Unsettled>>;
