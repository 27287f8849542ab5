// `sampan store check`: are the bytes there that the records name, and are they those? A page at a
// time, so that nothing is held and whoever asks sees how far it came. It only looks.

import { type Env, errorCode, errorMessage } from "@sampan/env";
import type { Store } from "@sampan/kv/txn";
import type { Digest, DigestAlgorithm } from "@sampan/oci/model";
import { computeDigest, digestAlgorithm } from "@sampan/oci/model";
import type { BlobBody, BlobLocation, BlobStore } from "../blobs/blobs.ts";
import { listStored, type StoredRecord } from "../meta/index.ts";

export type Damage =
  /** No bytes lie where the record says. */
  | "missing"
  /** There are fewer or more than the record says. */
  | "wrong-size"
  | "wrong-digest"
  /** The disk did not give them. */
  | "unreadable";

export interface Finding {
  readonly kind: "blob" | "manifest";
  readonly digest: Digest;
  readonly damage: Damage;
  /** A sentence for the operator. */
  readonly detail: string;
}

export interface CheckPage {
  /** Records that were looked at, and their bytes. */
  readonly checked: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  /** Where the next page begins; null: that was all. */
  readonly next: string | null;
}

export interface StoreCheck {
  /** From `after` on (null: from the start) for about `checkMsMax`; one record at least. */
  page(after: string | null): Promise<CheckPage>;
}

export interface StoreCheckDeps {
  readonly store: Store;
  readonly blobs: BlobStore;
  /** The digest of stored bytes. Throws what the disk says. */
  readonly hash: (body: BlobBody, algorithm: DigestAlgorithm) => Promise<Digest>;
}

/** A page ends behind the record with which it took so long; clients wait for it. */
const checkMsMax = 5_000;
const recordsPage = 256;

export function createStoreCheck(env: Env, deps: StoreCheckDeps): StoreCheck {
  return {
    async page(after: string | null): Promise<CheckPage> {
      const until = env.clock.monotonic() + checkMsMax;
      const findings: Finding[] = [];
      let [checked, bytes, at] = [0, 0, after];
      for (;;) {
        const records = await readRecords(deps.store, at);
        for (const record of records) {
          const finding = await look(deps, record);
          if (finding !== null) findings.push(finding);
          checked += 1;
          bytes += record.bytes;
          at = record.position;
          if (env.clock.monotonic() >= until) return { checked, bytes, findings, next: at };
        }
        if (records.length < recordsPage) return { checked, bytes, findings, next: null };
      }
    },
  };
}

async function readRecords(store: Store, after: string | null): Promise<readonly StoredRecord[]> {
  const snapshot = await store.snapshot();
  try {
    return await listStored(snapshot, { after, limit: recordsPage });
  } finally {
    snapshot.release();
  }
}

async function look(deps: StoreCheckDeps, record: StoredRecord): Promise<Finding | null> {
  const { kind, digest } = record;
  const found = await damageOf(deps, record);
  // It may have been deleted while it was read: then nobody misses it.
  if (found === null || (await isForgotten(deps.store, record))) return null;
  return { kind, digest, ...found };
}

type Found = Pick<Finding, "damage" | "detail"> | null;

async function damageOf(deps: StoreCheckDeps, record: StoredRecord): Promise<Found> {
  const { content, digest } = record;
  if (content.type === "location") return await damageAt(deps, record, content.location);
  const actual = computeDigest(content.bytes, digestAlgorithm(digest));
  return actual === digest ? null : wrongDigest(actual);
}

async function damageAt(
  { blobs, hash }: StoreCheckDeps,
  { kind, digest, bytes }: StoredRecord,
  location: BlobLocation,
): Promise<Found> {
  try {
    const stat = await blobs.stat(location);
    if (stat === null) return { damage: "missing", detail: `nothing lies at ${location}` };
    if (kind === "blob" && stat.bytes !== bytes) {
      const detail = `${stat.bytes} bytes lie at ${location}, the record says ${bytes}`;
      return { damage: "wrong-size", detail };
    }
    const body = blobs.body(location, { start: 0, end: stat.bytes });
    const actual = await hash(body, digestAlgorithm(digest));
    return actual === digest ? null : wrongDigest(actual, location);
  } catch (error) {
    const damage = errorCode(error) === "not-found" ? "missing" : "unreadable";
    return { damage, detail: errorMessage(error) };
  }
}

function wrongDigest(actual: Digest, location: BlobLocation | null = null): Found {
  const where = location === null ? "in the store" : `at ${location}`;
  return { damage: "wrong-digest", detail: `what lies ${where} has the digest ${actual}` };
}

/** Is the record gone, or does it name another place by now? */
async function isForgotten(store: Store, record: StoredRecord): Promise<boolean> {
  const { content, digest } = record;
  const snapshot = await store.snapshot();
  try {
    const [now] = await listStored(snapshot, { at: record.position, limit: 1 });
    if (now === undefined || now.digest !== digest || now.kind !== record.kind) return true;
    const before = content.type === "location" ? content.location : null;
    return (now.content.type === "location" ? now.content.location : null) !== before;
  } finally {
    snapshot.release();
  }
}
