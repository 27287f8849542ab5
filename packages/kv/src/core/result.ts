// Expected outcomes of core. Core takes no values from other packages, so it makes its own.

import type { Result } from "@sampan/env";

export type { Result };

export function ok<Value>(value: Value): Result<Value, never> {
  return { ok: true, value };
}

export function err<Failure>(error: Failure): Result<never, Failure> {
  return { ok: false, error };
}
