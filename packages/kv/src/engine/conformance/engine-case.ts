// One sentence of the contract and how it is tried, and the words in which the cases are written.

import assert from "node:assert/strict";
import { errorCode } from "@sampan/env";
import type { Engine, Family, IterateOptions, Maybe } from "../engine.ts";
import { createWriteBatch } from "../write-batch.ts";

/** An engine with nothing in it, and how to go on when it is closed. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Opens again what the closed engine has left. */
  reopen(): Promise<Engine>;
  /** A name for `checkpoint` at which nothing is yet. */
  readonly checkpointDirectory: string;
  openCheckpoint(directory: string): Promise<Engine>;
  /** Removes what the engines have left; all of them are closed. */
  dispose(): Promise<void>;
}

export interface EngineCase {
  readonly sentence: string;
  run(under: EngineUnderTest): Promise<void>;
}

export const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

export async function put(
  engine: Engine,
  entries: Record<string, string>,
  family: Family = "default",
) {
  const batch = createWriteBatch();
  for (const [key, value] of Object.entries(entries)) batch.put(family, bytes(key), bytes(value));
  await engine.write(batch, { sync: false });
}

export async function read(engine: Engine, key: string, family: Family = "default") {
  const value = await engine.get(family, bytes(key), null);
  return value === null ? null : value.toString("latin1");
}

export const everything = {
  lower: Buffer.alloc(0),
  upper: null,
  reverse: false,
  snapshot: null,
} as const;

/** All rows as `key=value`. */
export async function rows(engine: Engine, family: Family, options: Partial<IterateOptions> = {}) {
  const iterator = engine.iterate(family, { ...everything, ...options });
  const found: string[] = [];
  while (await iterator.next()) {
    found.push(`${iterator.key.toString("latin1")}=${iterator.value.toString("latin1")}`);
  }
  iterator.close();
  return found;
}

export async function rejectsWith(code: string, run: () => Maybe<unknown>): Promise<void> {
  await assert.rejects(
    async () => run(),
    (error: unknown) => errorCode(error) === code,
  );
}
