// Metrics of a state that is looked at when somebody asks: the store's, the disk's, and who we are.

import { statfs } from "node:fs/promises";
import type { Metrics } from "@sampan/env";
import type { LocalStore } from "../local-store.ts";

export interface StateGauges {
  refresh(): Promise<void>;
}

export interface StateGaugesOptions {
  readonly version: string;
  readonly local: LocalStore;
}

export function createStateGauges(metrics: Metrics, options: StateGaugesOptions): StateGauges {
  const { directory, store } = options.local;
  const gauge = (name: string, help: string) => metrics.gauge(name, { help });
  const open = gauge("sampan_store_transactions_open", "Transactions that are under way.");
  const snapshots = gauge("sampan_store_snapshots_open", "Snapshots that readers hold.");
  const pending = gauge("sampan_store_commits_pending", "Commits that wait for the disk.");
  const failed = gauge("sampan_store_failed", "1: writes are refused since one failed.");
  const free = gauge("sampan_data_free_bytes", "Bytes left for us where the data directory lies.");
  const total = gauge("sampan_data_size_bytes", "Size of the filesystem of the data directory.");
  metrics
    .gauge("sampan_info", { help: "Always 1; the label says the version.", labels: ["version"] })
    .set(1, { version: options.version });

  return {
    async refresh() {
      const stats = store.stats();
      open.set(stats.transactionsOpen);
      snapshots.set(stats.snapshotsOpen);
      pending.set(stats.commitsPending);
      failed.set(stats.hasFailed ? 1 : 0);
      const disk = await statfs(directory.path);
      free.set(disk.bavail * disk.bsize);
      total.set(disk.blocks * disk.bsize);
    },
  };
}
