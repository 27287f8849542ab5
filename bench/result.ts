// What a benchmark says: rows of medians beside the peer's, as a table and as JSON.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

export interface Row {
  readonly work: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string | null;
  /** Above 1 means that ours is better, whatever the unit. */
  readonly ratio: number | null;
  /** The ratio that is asked for; null: none is. */
  readonly bar: number | null;
  readonly rounds: number;
}

/** What was asked for cannot be measured here; the message says why and what to do. */
export class BenchRefusal extends Error {
  override readonly name = "BenchRefusal";
}

export interface BenchOptions {
  readonly peers: readonly string[];
  readonly rounds: number;
  /** Works whose names have this in them; empty: all. */
  readonly only: string;
}

export type Better = "more" | "less";

export interface Measured {
  readonly work: string;
  readonly unit: string;
  readonly better: Better;
  /** The least ratio that is good enough. */
  readonly bar?: number | null;
  readonly rounds: number;
}

/** One row from the figures of all rounds; `peer` empty when there is none. */
export function row(
  what: Measured,
  ours: readonly number[],
  peer: { readonly name: string; readonly figures: readonly number[] } | null,
): Row {
  const mine = median(ours);
  const theirs = peer === null ? null : median(peer.figures);
  const ratio = theirs === null ? null : what.better === "more" ? mine / theirs : theirs / mine;
  const { work, unit, rounds } = what;
  const bar = theirs === null ? null : (what.bar ?? null);
  return { work, unit, ours: mine, peer: theirs, peerName: peer?.name ?? null, ratio, bar, rounds };
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function renderTable(rows: readonly Row[]): string {
  const lines = rows.map((entry) => [
    entry.work,
    entry.unit,
    figure(entry.ours),
    entry.peer === null ? "–" : `${figure(entry.peer)} (${entry.peerName})`,
    entry.ratio === null ? "–" : `${entry.ratio.toFixed(2)}×`,
    entry.bar === null ? "" : `${entry.bar.toFixed(2)}×${isMet(entry) ? "" : " MISSED"}`,
  ]);
  const table = [["work", "unit", "sampan", "peer", "ratio", "bar"], ...lines];
  const widths = table[0]?.map((_, i) => Math.max(...table.map((line) => line[i]?.length ?? 0)));
  return table
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths?.[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function isMet({ ratio, bar }: Pick<Row, "ratio" | "bar">): boolean {
  return bar === null || (ratio !== null && ratio >= bar);
}

export function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** One run as it is kept in docs/results. */
export interface Run {
  readonly bench: string;
  readonly commit: string;
  readonly node: string;
  /** ISO 8601. */
  readonly taken: string;
  readonly rows: readonly Row[];
}

export function runOf(bench: string, rows: readonly Row[]): Run {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return { bench, commit, node: process.versions.node, taken: new Date().toISOString(), rows };
}

export function writeJson(file: string, run: Run): void {
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
}

/** What `writeJson` wrote; in runs of old the rows had no bars. */
export function readRun(text: string): Run {
  const run = JSON.parse(text) as Run;
  return { ...run, rows: run.rows.map((entry) => ({ ...entry, bar: entry.bar ?? null })) };
}
