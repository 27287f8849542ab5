// The management API (/api/v2.0, /service/token), beside /v2/ on the same listener.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Env } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Auth } from "../auth/auth.ts";

export interface Management {
  /** Resolves when the routes are compiled; before that `routing` must not be called. */
  ready(): Promise<void>;
  /** Serves one request; answers 404 in Harbor's form where it knows no route. */
  routing(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

export interface ManagementOptions {
  /** Product version, for systeminfo. */
  readonly version: string;
  /** Under which clients reach us, when it is known; else it is read from each request. */
  readonly externalUrl: string | null;
}

export declare function createManagement(
  env: Env,
  deps: { readonly store: Store; readonly auth: Auth },
  options: ManagementOptions,
): Management;
