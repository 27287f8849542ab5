// What a copy shows while it runs, on standard error: bars for the blobs on their way and one for
// all on a terminal, a line for each blob that is there otherwise.

import type { Clock, Timer } from "@sampan/env";
import type { Descriptor } from "@sampan/oci/model";
import type { BlobOutcome, CopyObserver } from "@sampan/oci/remote";

export interface Progress extends CopyObserver {
  /** Takes the bars away; what is finished stays. */
  close(): void;
}

export interface ProgressOptions {
  readonly clock: Pick<Clock, "monotonic" | "timer">;
  readonly write: (text: string) => void;
  /** Characters in a line of the terminal; null: it is none. */
  readonly columns: () => number | null;
}

const frameMs = 100;
const barColumns = 24;
/** `sha256:` and the first twelve digits, as docker shows an id. */
const digestColumns = 19;

export const silent: Progress = {
  planned: () => {},
  moved: () => {},
  finished: () => {},
  close: () => {},
};

interface Moving {
  readonly blob: Descriptor;
  readonly since: number;
  bytes: number;
}

export function createProgress({ clock, write, columns }: ProgressOptions): Progress {
  const moving = new Map<string, Moving>();
  const total = { bytes: 0, doneBytes: 0, still: 0, blobs: 0, done: 0, since: clock.monotonic() };
  let frame: Timer | null = null;
  let drawn = 0;

  const erase = (): string => {
    const up = drawn === 0 ? "" : `\u001b[${drawn}A\r\u001b[J`;
    drawn = 0;
    return up;
  };
  const draw = (width: number): string => {
    const now = clock.monotonic();
    let onTheWay = 0;
    const lines: string[] = [];
    for (const { blob, bytes, since } of moving.values()) {
      onTheWay += bytes;
      lines.push(barLine(shortDigest(blob), { bytes, of: blob.size, ms: now - since, still: 0 }));
    }
    const name = `${total.done}/${total.blobs} blobs`;
    const bytes = total.doneBytes + onTheWay;
    const ms = now - total.since;
    lines.push(barLine(name, { bytes, of: total.bytes, ms, still: total.still }));
    drawn = lines.length;
    return lines.map((line) => `${line.slice(0, width - 1)}\n`).join("");
  };
  const redraw = (above = ""): void => {
    const width = columns();
    write(width === null ? above : `${erase()}${above}${draw(width)}`);
  };
  const schedule = (): void => {
    if (frame !== null || columns() === null) return;
    frame = clock.timer(frameMs, () => {
      frame = null;
      redraw();
    });
  };

  return {
    planned: (blobs) => {
      total.blobs = blobs.length;
      total.bytes = blobs.reduce((sum, blob) => sum + blob.size, 0);
      schedule();
    },
    moved: (blob, bytes) => {
      const known = moving.get(blob.digest);
      if (known === undefined) {
        moving.set(blob.digest, { blob, bytes, since: clock.monotonic() });
      } else known.bytes = bytes;
      schedule();
    },
    finished: (blob, outcome) => {
      moving.delete(blob.digest);
      total.done += 1;
      total.doneBytes += blob.size;
      if (outcome !== "copied") total.still += blob.size;
      redraw(finishedLine(blob, outcome));
    },
    close: () => {
      frame?.cancel();
      frame = null;
      const left = erase();
      if (left !== "") write(left);
    },
  };
}

const outcomeWords: Readonly<Record<BlobOutcome, string>> = {
  copied: "copied",
  mounted: "mounted",
  present: "already there",
};

function finishedLine(blob: Descriptor, outcome: BlobOutcome): string {
  return `${shortDigest(blob)}  ${outcomeWords[outcome]}, ${formatBytes(blob.size)}\n`;
}

function shortDigest({ digest }: Descriptor): string {
  return digest.slice(0, digestColumns);
}

interface Bar {
  readonly bytes: number;
  readonly of: number;
  /** Since it began, milliseconds. */
  readonly ms: number;
  /** Of `bytes`, those that are there without having moved. */
  readonly still: number;
}

function barLine(name: string, { bytes, of, ms, still }: Bar): string {
  const share = of === 0 ? 1 : Math.min(bytes / of, 1);
  const full = Math.floor(share * barColumns);
  const bar = `${"=".repeat(full)}${" ".repeat(barColumns - full)}`;
  const percent = `${Math.floor(share * 100)}`.padStart(3);
  const rate = ms > 0 ? `  ${formatBytes(((bytes - still) / ms) * 1000)}/s` : "";
  const sizes = `${formatBytes(bytes)} / ${formatBytes(of)}`;
  return `${name.padEnd(digestColumns)}  [${bar}] ${percent} %  ${sizes}${rate}`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
