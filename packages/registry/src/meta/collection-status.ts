// What waits for the collector, counted.

import type { Reader } from "@sampan/kv/txn";
import { decodeBlob } from "./blob-records.ts";
import { listWork, type WorkRow } from "./collection-records.ts";
import { blobKey, type CollectionStage } from "./keys.ts";

export interface StageStatus {
  readonly links: number;
  readonly blobs: number;
  readonly manifests: number;
  /** Of the blobs. */
  readonly bytes: number;
  /** Wall clock of the oldest, milliseconds since the epoch; null: there is none. */
  readonly oldestMs: number | null;
  /** False: there is more than was counted. */
  readonly isWhole: boolean;
}

const rowsPage = 256;
const pagesMax = 40;

/** Counts at most about ten thousand notes. */
export async function countWork(reader: Reader, stage: CollectionStage): Promise<StageStatus> {
  const status = { links: 0, blobs: 0, manifests: 0, bytes: 0, oldestMs: null as number | null };
  let after: Uint8Array | null = null;
  for (let page = 0; page < pagesMax; page += 1) {
    const rows: WorkRow[] = await listWork(reader, stage, { after, limit: rowsPage });
    status.oldestMs ??= rows[0]?.atMs ?? null;
    for (const row of rows) await count(reader, row, status);
    after = rows.at(-1)?.key ?? null;
    if (rows.length < rowsPage) return { ...status, isWhole: true };
  }
  return { ...status, isWhole: false };
}

async function count(
  reader: Reader,
  { items }: WorkRow,
  status: { links: number; blobs: number; manifests: number; bytes: number },
): Promise<void> {
  const digests = items.filter(({ kind }) => kind === "blob").map(({ digest }) => digest);
  for (const value of await reader.getMany(digests.map(blobKey))) {
    if (value !== null) status.bytes += decodeBlob(value).bytes;
  }
  status.blobs += digests.length;
  status.links += items.filter(({ kind }) => kind === "link").length;
  status.manifests += items.filter(({ kind }) => kind === "content").length;
}
