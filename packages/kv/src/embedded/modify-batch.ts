// Core's changes as one batch of the engine.

import type { Modify } from "../core/index.ts";
import type { WriteBatch } from "../engine/engine.ts";

export function appendModifies(batch: WriteBatch, modifies: readonly Modify[]): void {
  for (const modify of modifies) {
    if (modify.type === "put") batch.put(modify.family, modify.key, modify.value);
    else batch.delete(modify.family, modify.key);
  }
}
