import assert from "node:assert/strict";
import { test } from "node:test";
import { renderPlot } from "./plot.ts";
import { type Row, type Run, row } from "./result.ts";

function plotOf(...rows: Row[]): string {
  const run: Run = { bench: "registry", commit: "abc", node: "20", taken: "2026-01-01", rows };
  return renderPlot(run);
}

const pulls = { work: "blob GET", unit: "MB/s", better: "more", rounds: 3 } as const;

function besides(name: string, ours: number, theirs: number, bar: number | null = null): Row {
  return row({ ...pulls, bar }, [ours], { name, figures: [theirs] });
}

/** Left edge and width of each bar that is drawn for a row. */
function bars(plot: string): { kind: string; x: number; width: number }[] {
  const found = plot.matchAll(
    /<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)" height="13"/g,
  );
  return [...found].map(([, kind = "", x, width]) => ({
    kind,
    x: Number(x),
    width: Number(width),
  }));
}

test("twice as good and half as good are bars of one length on either side of 1×", () => {
  const [better, worse] = bars(plotOf(besides("a", 200, 100), besides("b", 50, 100)));
  assert.ok(better !== undefined && worse !== undefined);
  assert.ok(Math.abs(better.width - worse.width) < 0.2);
  assert.ok(Math.abs(worse.x + worse.width - better.x) < 0.2);
});

test("bars of one work stand under one label, each peer in its color", () => {
  const plot = plotOf(besides("a", 2, 1), besides("b", 3, 1));
  assert.equal([...plot.matchAll(/blob GET/g)].length, 1);
  assert.deepEqual(
    bars(plot).map(({ kind }) => kind),
    ["peer0", "peer1"],
  );
});

test("what is asked for is drawn, and a ratio below it is marked", () => {
  assert.equal(bars(plotOf(besides("a", 2, 1, 1.5)))[0]?.kind, "peer0");
  const missed = plotOf(besides("a", 1, 1, 1.5));
  assert.equal(bars(missed)[0]?.kind, "missed");
  // One in the legend, one in the row.
  assert.equal([...missed.matchAll(/class="asked" x1/g)].length, 2);
});

test("rows without a peer have no bar, and names are escaped", () => {
  const plot = plotOf(row({ ...pulls, work: "a <b> & c" }, [1], null), besides("x<y", 1, 1));
  assert.equal(bars(plot).length, 1);
  assert.ok(plot.includes("beside x&lt;y"));
  assert.ok(!plot.includes("a <b>"));
});
