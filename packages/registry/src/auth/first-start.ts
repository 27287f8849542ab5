// The first start of a registry: makes the administrator and says the password once. And the way
// back in for who has lost it.

import type { Env, Result } from "@sampan/env";
import { assert, err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { FormatFailure } from "../meta/installation.ts";
import { install, isInstalled } from "../meta/installation.ts";
import type { Unsettled } from "../meta/outcome.ts";
import { setPasswordHash } from "../meta/users.ts";
import { createPasswords, generatePassword, passwordWeakness, scryptCosts } from "./passwords.ts";

export interface Initialised {
  /** This start made the registry; false when it was there. */
  readonly created: boolean;
  /** Generated on the first start when none was given: print it once, never log it. */
  readonly generatedPassword: string | null;
}

export type PasswordFailure = { readonly code: "password-weak"; readonly message: string };

/**
 * Makes the registry when the store is empty: user `admin`, public project `library`. A given
 * password counts only then; later it is changed through the API or by resetPassword.
 */
export async function initialise(
  env: Env,
  store: Store,
  options: { readonly adminPassword: string | null },
): Promise<Result<Initialised, FormatFailure | PasswordFailure | Unsettled>> {
  const installed = await isInstalled(store);
  if (!installed.ok) return installed;
  const there: Initialised = { created: false, generatedPassword: null };
  if (installed.value) return ok(there);
  const password = options.adminPassword ?? generatePassword(env);
  const hash = await hashOf(env, password);
  if (!hash.ok) return hash;
  const created = await install(store, {
    adminPasswordHash: hash.value,
    nowMs: env.clock.now(),
  });
  if (!created.ok) return created;
  if (!created.value) return ok(there);
  return ok({ created: true, generatedPassword: options.adminPassword === null ? password : null });
}

/**
 * Sets a user's password without knowing the old one: for the command on the host, with the server
 * stopped (a running one remembers the old password for up to a minute). Null generates one.
 */
export async function resetPassword(
  env: Env,
  store: Store,
  what: { readonly user: string; readonly password: string | null },
): Promise<
  Result<
    { readonly generatedPassword: string | null },
    FormatFailure | PasswordFailure | { readonly code: "user-unknown" } | Unsettled
  >
> {
  const installed = await isInstalled(store);
  if (!installed.ok) return installed;
  const password = what.password ?? generatePassword(env);
  const hash = await hashOf(env, password);
  if (!hash.ok) return hash;
  const nowMs = env.clock.now();
  const change = { name: what.user, passwordHash: hash.value, actor: "host", nowMs };
  const changed = await setPasswordHash(store, change);
  if (!changed.ok) return changed;
  return ok({ generatedPassword: what.password === null ? password : null });
}

async function hashOf(env: Env, password: string): Promise<Result<string, PasswordFailure>> {
  const message = passwordWeakness(password);
  if (message !== null) return err({ code: "password-weak", message });
  const hash = await createPasswords(env, scryptCosts).hash(password);
  assert(hash.ok, "nobody else waits at this start");
  return ok(hash.value);
}
