// A user changes the own password through the API, knowing the old one.

import type { Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Unsettled } from "../meta/outcome.ts";
import { setPasswordHash } from "../meta/users.ts";
import type { LoginFailure, PasswordLogin } from "./password-login.ts";
import { busyRetryAfterS } from "./password-login.ts";
import type { Passwords } from "./passwords.ts";
import { passwordWeakness } from "./passwords.ts";

export interface PasswordChange {
  readonly user: string;
  readonly oldPassword: string;
  readonly newPassword: string;
  /** Of the other end of the connection; null: unknown. */
  readonly clientAddress: string | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
}

export type PasswordChangeFailure =
  | LoginFailure
  | { readonly code: "password-weak"; readonly message: string }
  | { readonly code: "user-unknown" }
  | Unsettled;

export async function changePassword(
  deps: { readonly store: Store; readonly passwords: Passwords; readonly login: PasswordLogin },
  change: PasswordChange,
): Promise<Result<null, PasswordChangeFailure>> {
  const message = passwordWeakness(change.newPassword);
  if (message !== null) return err({ code: "password-weak", message });
  // Wrong ones count as guesses: a session left open must not become a way to try passwords.
  const { user, oldPassword, clientAddress, nowMs } = change;
  const login = await deps.login.login({ name: user, password: oldPassword, clientAddress });
  if (!login.ok) return login;
  const hash = await deps.passwords.hash(change.newPassword);
  if (!hash.ok) return err({ code: "too-many", retryAfterS: busyRetryAfterS });
  const set = { name: user, passwordHash: hash.value, actor: user, nowMs };
  const changed = await setPasswordHash(deps.store, set);
  if (!changed.ok) return changed;
  deps.login.forget(user);
  return ok(null);
}
