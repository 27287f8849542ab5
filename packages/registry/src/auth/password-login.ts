// Names and passwords checked against the users. What a stranger can learn is the same for a name
// that exists and one that does not: the answer, and the time it takes. A password that was right
// before is no guess: it passes the throttle and goes first. A stranger with few addresses can so
// keep nobody out but who has yet to log in since the start from one of these addresses; it takes
// several networks at once to fill the lane of guesses (check-queue.ts).

import type { Counter, Env, Result } from "@sampan/env";
import { err, ok } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { User } from "../meta/users.ts";
import { findUser, userNameCharsMax } from "../meta/users.ts";
import type { Lane } from "./check-queue.ts";
import { clientOf, shownAddress } from "./client-address.ts";
import type { LoginThrottle } from "./login-throttle.ts";
import { createLoginThrottle } from "./login-throttle.ts";
import type { Passwords } from "./passwords.ts";
import { passwordCharsMax } from "./passwords.ts";
import type { TrustedPasswords } from "./trusted-passwords.ts";
import { createTrustedPasswords } from "./trusted-passwords.ts";

export type LoginFailure =
  | { readonly code: "wrong" }
  | { readonly code: "too-many"; readonly retryAfterS: number };

export interface LoginAttempt {
  readonly name: string;
  readonly password: string;
  /** Of the other end of the connection; null: unknown. */
  readonly clientAddress: string | null;
}

export interface PasswordLogin {
  login(attempt: LoginAttempt): Promise<Result<User, LoginFailure>>;
  /** The user's password changed. */
  forget(name: string): void;
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
    throttle: createLoginThrottle(env),
    trusted: createTrustedPasswords(env),
    failures: env.metrics.counter("sampan_auth_login_failures_total", {
      help: "Logins with a password that were refused, by reason",
      labels: ["reason"],
    }),
  };
  return {
    login: async (attempt) => {
      const result = await runLogin(parts, attempt);
      if (result.ok) return result;
      const { failure, reason } = result.error;
      parts.failures.add(1, { reason });
      logRefusal(env, attempt, reason);
      return err(failure);
    },
    forget: (name) => parts.trusted.forget(name),
  };
}

interface Parts {
  readonly env: Env;
  readonly store: Store;
  readonly passwords: Passwords;
  readonly throttle: LoginThrottle;
  readonly trusted: TrustedPasswords;
  readonly failures: Counter;
}

interface Refusal {
  readonly reason: "wrong" | "overlong" | "throttled" | "busy";
  readonly failure: LoginFailure;
}

const wrong: Refusal = { reason: "wrong", failure: { code: "wrong" } };
/** No user has it: told like a wrong one, and not worth a check. */
const overlong: Refusal = { ...wrong, reason: "overlong" };
const busy: Refusal = {
  reason: "busy",
  failure: { code: "too-many", retryAfterS: busyRetryAfterS },
};

async function runLogin(parts: Parts, attempt: LoginAttempt): Promise<Result<User, Refusal>> {
  const { name, password } = attempt;
  if (name.length > userNameCharsMax || password.length > passwordCharsMax) {
    return err(overlong);
  }
  if (!parts.trusted.has(name, password)) return runGuess(parts, attempt);
  const checked = await checkPassword(parts, attempt, { type: "trusted" });
  // Another process changed it: from now on it is a guess.
  if (!checked.ok && checked.error === wrong) parts.trusted.forget(name);
  return checked;
}

async function runGuess(parts: Parts, attempt: LoginAttempt): Promise<Result<User, Refusal>> {
  const client = clientOf(attempt.clientAddress);
  const entered = parts.throttle.enter(client, attempt.name);
  if (!entered.ok) {
    const retryAfterS = Math.ceil(entered.error.waitMs / 1000);
    return err({ reason: "throttled", failure: { code: "too-many", retryAfterS } });
  }
  const guess = entered.value;
  if (guess.delayMs > 0) await parts.env.clock.sleep(guess.delayMs);
  let checked: Result<User, Refusal> | null = null;
  try {
    checked = await checkPassword(parts, attempt, { type: "guess", client });
  } finally {
    if (checked === null || (!checked.ok && checked.error === busy)) guess.withdraw();
    else if (checked.ok) guess.right();
  }
  if (checked.ok) parts.trusted.add(attempt.name, attempt.password);
  return checked;
}

async function checkPassword(
  { store, passwords }: Parts,
  { name, password }: LoginAttempt,
  lane: Lane,
): Promise<Result<User, Refusal>> {
  const user = await readUser(store, name);
  const verified = await passwords.verify(password, user?.passwordHash ?? passwords.decoy, lane);
  if (!verified.ok) return err(busy);
  return verified.value && user !== null ? ok(user) : err(wrong);
}

/** Characters of a tried name in the log. */
const loggedNameCharsMax = 64;

/** Only checked passwords at `info`: the throttle bounds how many lines a stranger can write. */
function logRefusal(
  { log }: Env,
  { name, clientAddress }: LoginAttempt,
  reason: Refusal["reason"],
): void {
  const fields = { user: loggedName(name), client: shownAddress(clientAddress), reason };
  if (reason === "wrong") log.info("login refused", fields);
  else log.debug("login refused", fields);
}

/** What a stranger sent must neither steer a terminal nor fill the disk. */
function loggedName(name: string): string {
  const start = name.slice(0, loggedNameCharsMax).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
  return name.length > loggedNameCharsMax ? `${start}…` : start;
}

async function readUser(store: Store, name: string): Promise<User | null> {
  const snapshot = await store.snapshot();
  try {
    return await findUser(snapshot, name);
  } finally {
    snapshot.release();
  }
}
