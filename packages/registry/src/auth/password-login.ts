// Names and passwords checked against the users. What a stranger can learn is the same for a name
// that exists and one that does not: the answer, and the time it takes.

import type { Counter, Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { User } from "../meta/users.ts";
import { findUser, userNameCharsMax } from "../meta/users.ts";
import type { Guesses } from "./guesses.ts";
import { createGuesses } from "./guesses.ts";
import type { Passwords } from "./passwords.ts";
import { passwordCharsMax } from "./passwords.ts";

export type LoginFailure =
  | { readonly code: "wrong" }
  | { readonly code: "too-many"; readonly retryAfterS: number };

export interface PasswordLogin {
  /** `known`: this password was right before, so it is no guess and does not wait. */
  login(
    name: string,
    password: string,
    options: { readonly known: boolean },
  ): Promise<Result<User, LoginFailure>>;
}

/** When too many checks wait: one takes a fraction of a second. */
export const busyRetryAfterS = 2;

export function createPasswordLogin(
  env: Env,
  deps: { readonly store: Store; readonly passwords: Passwords },
): PasswordLogin {
  const parts: Parts = {
    env,
    ...deps,
    guesses: createGuesses(env),
    failures: env.metrics.counter("sampan_auth_login_failures_total", {
      help: "Logins with a password that were refused, by reason",
      labels: ["reason"],
    }),
  };
  return { login: (name, password, { known }) => runLogin(parts, { name, password, known }) };
}

interface Parts {
  readonly env: Env;
  readonly store: Store;
  readonly passwords: Passwords;
  readonly guesses: Guesses;
  readonly failures: Counter;
}

interface Attempt {
  readonly name: string;
  readonly password: string;
  readonly known: boolean;
}

async function runLogin(
  { env, store, passwords, guesses, failures }: Parts,
  { name, password, known }: Attempt,
): Promise<Result<User, LoginFailure>> {
  if (name.length > userNameCharsMax || password.length > passwordCharsMax) {
    failures.add(1, { reason: "wrong" });
    return err({ code: "wrong" });
  }
  const closedMs = guesses.closedMs(name);
  if (closedMs > 0 && !known) {
    failures.add(1, { reason: "closed" });
    return err({ code: "too-many", retryAfterS: Math.ceil(closedMs / 1000) });
  }
  const user = await readUser(store, name);
  const verified = await passwords.verify(password, user?.passwordHash ?? passwords.decoy);
  if (!verified.ok) {
    failures.add(1, { reason: "busy" });
    return err({ code: "too-many", retryAfterS: busyRetryAfterS });
  }
  if (verified.value && user !== null) {
    guesses.right(name);
    return ok(user);
  }
  guesses.wrong(name);
  failures.add(1, { reason: "wrong" });
  env.log.info("login refused", { user: name });
  return err({ code: "wrong" });
}

async function readUser(store: Store, name: string): Promise<User | null> {
  const snapshot = await store.snapshot();
  try {
    return await findUser(snapshot, name);
  } finally {
    snapshot.release();
  }
}
