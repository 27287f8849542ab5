// The first start writes the format's version, the user admin and the project library; every start
// reads the version and refuses a newer one.

import type { Env, Result } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Unsettled } from "./outcome.ts";

export interface Initialised {
  /** This start made it; false when it was there. */
  readonly created: boolean;
  /** Generated on the first start when none was given: print it once, never log it. */
  readonly generatedPassword: string | null;
}

export declare function initialise(
  env: Env,
  store: Store,
  options: { readonly adminPassword: string | null },
): Promise<
  Result<
    Initialised,
    | { readonly code: "format-newer"; readonly found: number; readonly known: number }
    | { readonly code: "password-weak"; readonly message: string }
    | Unsettled
  >
>;
