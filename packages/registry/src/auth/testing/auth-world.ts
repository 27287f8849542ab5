// Authentication over a store in memory, in real time because scrypt and signatures run on real
// threads; its clock can be moved forward. For tests.

import type { Env } from "@sampan/env";
import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { createMemoryEngine } from "@sampan/kv/engine/memory";
import type { Store } from "@sampan/kv/txn";
import type { ProjectName } from "../../core/project-name.ts";
import { install } from "../../meta/installation.ts";
import { createProject } from "../../meta/projects.ts";
import { type Auth, createAuth } from "../auth.ts";
import { createPasswords, type ScryptCosts } from "../passwords.ts";

/** A thousandth of what a check costs in earnest. */
export const scrypt: ScryptCosts = { logN: 6, r: 8, p: 1 };

export const adminPassword = "correct horse";

export interface AuthWorld {
  readonly env: Env;
  readonly store: Store;
  readonly auth: Auth;
  /** All log lines so far. */
  readonly lines: readonly string[];
  /** Moves both clocks forward. */
  pass(ms: number): void;
}

/** A registry with the public project `library` and the private one `team`. */
export async function withAuth(
  body: (world: AuthWorld) => Promise<void>,
  mode: "token" | "none" = "token",
): Promise<void> {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const node = createNodeEnv({ service: "test", log: { level: "debug", format: "json", stream } });
  let aheadMs = 0;
  const clock = {
    ...node.clock,
    now: () => node.clock.now() + aheadMs,
    monotonic: () => node.clock.monotonic() + aheadMs,
  };
  const env: Env = { ...node, clock };
  const engine = createMemoryEngine(node, {});
  const store = await openEmbeddedStore(node, { engine }, {});
  const hash = await createPasswords(env, scrypt).hash(adminPassword);
  await install(store, { adminPasswordHash: hash.ok ? hash.value : "", nowMs: 0 });
  const team = { name: "team" as ProjectName, public: false, actor: "admin", nowMs: 0 };
  await createProject(store, team);
  const auth = createAuth(env, { store }, { mode, scrypt });
  await body({
    env,
    store,
    auth,
    lines,
    pass: (ms) => {
      aheadMs += ms;
    },
  });
  await store.close();
  await engine.close();
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
