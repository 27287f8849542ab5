// The event log of a stopped server: dense, its chain of hashes whole, and every acknowledged
// change in it. Each kill that tore it would have left a mark, so that the end of a series is early
// enough.

import { createNodeEnv } from "@sampan/env/node";
import { openEmbeddedStore } from "@sampan/kv/embedded";
import { openRocksEngine } from "@sampan/kv/engine/rocksdb";
import type { Snapshot } from "@sampan/kv/txn";
import { chainStart, type LogEvent, readEvents, verifyEvents } from "@sampan/registry/events";
import type { Deed } from "./ledger.ts";

const pageEvents = 500;
const findingsMax = 8;

/** `directory` is the store's. */
export async function eventFindings(directory: string, deeds: readonly Deed[]): Promise<string[]> {
  const env = createNodeEnv({ service: "crash", log: { level: "error", format: "pretty" } });
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const engine = await openRocksEngine(env, { directory });
    closers.push(() => engine.close());
    const store = await openEmbeddedStore(env, { engine }, {});
    closers.push(() => store.close());
    const snapshot = await store.snapshot();
    closers.push(() => snapshot.release());
    return [...(await chainFindings(snapshot)), ...(await deedFindings(snapshot, deeds))];
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function chainFindings(snapshot: Snapshot): Promise<string[]> {
  let link = chainStart;
  for (;;) {
    const check = await verifyEvents(snapshot, link, pageEvents);
    if (check.type === "broken") return [`the event log is broken at number ${check.seq}`];
    if (check.done) return [];
    link = check.last;
  }
}

async function deedFindings(snapshot: Snapshot, deeds: readonly Deed[]): Promise<string[]> {
  const told = new Set<string>();
  const findings: string[] = [];
  for (let after = 0; ; ) {
    const { events, more } = await readEvents(snapshot, { after, limit: pageEvents });
    for (const event of events) {
      const name = nameOf(event);
      if (event.type === "project.created" && told.has(name)) findings.push(`${name} twice`);
      told.add(name);
      after = event.seq;
    }
    if (!more) break;
  }
  const untold = deeds.filter((deed) => !told.has(`${deed.type} ${deed.name}`));
  findings.push(...untold.map((deed) => `no event of ${deed.type} ${deed.name}`));
  return findings.slice(0, findingsMax);
}

function nameOf(event: LogEvent): string {
  switch (event.type) {
    case "artifact.pushed":
    case "artifact.deleted":
      return `${event.type} ${event.repository}@${event.digest}`;
    case "tag.deleted":
      return `${event.type} ${event.repository}:${event.tag}`;
    case "project.created":
      return `${event.type} ${event.project}`;
    default:
      return event.type;
  }
}
