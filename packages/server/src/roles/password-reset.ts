// A new password for a user, set on the machine that holds the data, with the server stopped.

import { type Env, err, ok, type Result, unreachable } from "@sampan/env";
import { resetPassword } from "@sampan/registry";
import { openLocalStore } from "../local-store.ts";

export interface PasswordReset {
  readonly dataDirectory: string;
  /** Of this program. */
  readonly version: string;
  readonly user: string;
  /** Null generates one. */
  readonly password: string | null;
}

/** Enough for the few records that are touched. */
const cacheBytes = 1024 * 1024;

/** The generated password, or null where one was given. The error is one line for the operator. */
export async function resetPasswordOnHost(
  env: Env,
  reset: PasswordReset,
): Promise<Result<string | null, string>> {
  const { dataDirectory: path, version } = reset;
  const local = await openLocalStore(env, {
    data: { path, create: "nothing", version },
    cacheBytes,
  });
  if (!local.ok) return local;
  try {
    const { password, user } = reset;
    const done = await resetPassword(env, local.value.store, { user, password });
    return done.ok ? ok(done.value.generatedPassword) : err(explain(reset, done.error));
  } finally {
    await local.value.close();
  }
}

function explain(
  { user }: PasswordReset,
  failure: Extract<Awaited<ReturnType<typeof resetPassword>>, { ok: false }>["error"],
): string {
  switch (failure.code) {
    case "user-unknown":
      return `there is no user ${user}`;
    case "password-weak":
      return failure.message;
    case "format-newer":
      return `the records have format ${failure.found}, newer than ${failure.known}`;
    case "contended":
    case "undetermined":
      return "the store could not settle the write; try again";
    default:
      return unreachable(failure);
  }
}
