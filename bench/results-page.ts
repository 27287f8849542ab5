// The part of docs/results/README.md that is made from the runs' JSON: a plot and a table each.

import { figure, isMet, type Row, type Run } from "./result.ts";

export const pageStart =
  "<!-- benchmarks: made from the JSON by npm test -- --rewrite results-page -->";
export const pageEnd = "<!-- /benchmarks -->";
/** Shares of a profile below this are not told, percent. */
const shareMin = 5;

export interface StoredRun extends Run {
  /** File name without `.json`. */
  readonly name: string;
}

/** Has it a plot? A profile compares nothing. */
export function isPlotted(run: Run): boolean {
  return run.rows.some(({ ratio }) => ratio !== null);
}

export function renderPart(runs: readonly StoredRun[]): string {
  return [pageStart, ...runs.map(section), pageEnd].join("\n\n");
}

/** The page with what lies between the marks replaced. */
export function withPart(page: string, part: string): string {
  const start = page.indexOf(pageStart);
  const end = page.indexOf(pageEnd);
  if (start < 0 || end < start) throw new Error("the page has not the marks of the made part");
  return page.slice(0, start) + part + page.slice(end + pageEnd.length);
}

function section(run: StoredRun): string {
  const taken = `\`${run.name}.json\`: ${run.taken.slice(0, 10)}, commit ${run.commit}, Node ${run.node}.`;
  const plot = isPlotted(run) ? [`![${run.bench}](${run.name}.svg)`] : [];
  return [`## ${run.bench}`, taken, ...plot, table(run)].join("\n\n");
}

function table(run: Run): string {
  const isCompared = isPlotted(run);
  const head = isCompared
    ? ["| work | unit | ours | beside | ratio | asked for |", "|---|---|--:|--:|--:|--:|"]
    : ["| work | unit | ours |", "|---|---|--:|"];
  const rows = isCompared ? run.rows : run.rows.filter(({ ours }) => ours >= shareMin);
  return [...head, ...rows.map((entry) => line(entry, isCompared))].join("\n");
}

function line(entry: Row, isCompared: boolean): string {
  const cells = [entry.work, entry.unit, figure(entry.ours)];
  if (isCompared) {
    cells.push(entry.peer === null ? "" : `${figure(entry.peer)} (${entry.peerName})`);
    cells.push(entry.ratio === null ? "" : `${entry.ratio.toFixed(2)}×`);
    cells.push(
      entry.bar === null ? "" : `${entry.bar.toFixed(2)}×${isMet(entry) ? "" : ", missed"}`,
    );
  }
  return `| ${cells.join(" | ")} |`;
}
