// The event log behind the last push: dense, its chain of hashes whole, and it tells of everything
// that was answered.

import { type Env, errorMessage } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import { chainStart, readEvents, verifyEvents } from "@sampan/registry/events";
import type { Shelf } from "./shelf.ts";

const pageEvents = 500;
/** The sequencer moves what happened into the log a little later. */
const waitMsMax = 120_000;
const pauseMs = 1_000;

export async function checkEvents(
  { clock }: Env,
  store: Store,
  shelf: Shelf,
): Promise<readonly string[]> {
  const giveUpMs = clock.monotonic() + waitMsMax;
  for (;;) {
    const missing = missingIn(await readLog(store), shelf);
    if (missing.length === 0) return checkChain(store);
    if (clock.monotonic() > giveUpMs) return missing.map((text) => `events: ${text}`);
    await clock.sleep(pauseMs);
  }
}

interface Log {
  /** `repository@digest`. */
  readonly pushed: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
}

async function readLog(store: Store): Promise<Log> {
  const pushed = new Set<string>();
  const deleted = new Set<string>();
  const snapshot = await store.snapshot();
  try {
    for (let after = 0; ; ) {
      const { events, more } = await readEvents(snapshot, { after, limit: pageEvents });
      for (const event of events) {
        after = event.seq;
        if (event.type === "artifact.pushed") pushed.add(`${event.repository}@${event.digest}`);
        if (event.type === "artifact.deleted") deleted.add(`${event.repository}@${event.digest}`);
      }
      if (!more) return { pushed, deleted };
    }
  } finally {
    snapshot.release();
  }
}

function missingIn(log: Log, shelf: Shelf): string[] {
  return shelf.manifests.flatMap(({ repository, image, state }) => {
    const name = `${repository}@${image.manifest.digest}`;
    if (state === "there" && !log.pushed.has(name)) return [`the push of ${name} is missing`];
    const isDeleted = state === "deleted" && log.pushed.has(name);
    return isDeleted && !log.deleted.has(name) ? [`the deletion of ${name} is missing`] : [];
  });
}

async function checkChain(store: Store): Promise<readonly string[]> {
  const snapshot = await store.snapshot();
  try {
    for (let from = chainStart; ; ) {
      const checked = await verifyEvents(snapshot, from, pageEvents);
      if (checked.type === "broken") return [`events: the chain breaks at ${checked.seq}`];
      if (checked.done) return [];
      from = checked.last;
    }
  } catch (error) {
    return [`events: ${errorMessage(error)}`];
  } finally {
    snapshot.release();
  }
}
