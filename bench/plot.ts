// A benchmark's ratios as a picture: a group of bars for each work and unit, one bar for each that it is
// held against. A bar begins at 1×, to the right when ours is better and to the left when it is worse,
// on an axis of logarithms, so that twice and half are equally long. The short upright line is the
// ratio that is asked for.

import { figure, isMet, type Row, type Run } from "./result.ts";

const barsWidth = 340;
/** Of a peer's place in the legend. */
const peerWidth = 150;
/** Of a letter of a label, about. */
const letterWidth = 6.5;
const barHeight = 16;
const groupGap = 10;
const headHeight = 64;
const footHeight = 30;
const ticks = [1 / 64, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64, 128, 256];
/** With more, each bar's figures name whom it is beside, and colors say nothing. */
const colorsMax = 3;
/** Never narrower than from half to twice. */
const narrowest = 2;

const style = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: #59636e; }
  .ground { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .one { stroke: #59636e; }
  .asked { stroke: #1f2328; stroke-width: 2; }
  .peer0 { fill: #2a78c2; } .peer1 { fill: #1a8a6a; } .peer2 { fill: #9a6dc0; }
  .missed { fill: #c9372c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .faint { fill: #9198a1; } .ground { fill: #0d1117; }
    .grid { stroke: #2a313c; } .one { stroke: #9198a1; } .asked { stroke: #e6edf3; }
    .peer0 { fill: #5aa9ef; } .peer1 { fill: #3fb68f; } .peer2 { fill: #b693dd; }
    .missed { fill: #f2665c; }
  }`;

type Compared = Row & { readonly peer: number; readonly ratio: number };

/** The rows that are held against something; the same text for the same rows. */
export function renderPlot(run: Run): string {
  const groups = groupsOf(run.rows.filter(isCompared));
  const names = [...new Set(groups.flat().map(({ peerName }) => peerName ?? ""))];
  const peers = names.length > colorsMax ? [] : names;
  const scale = scaleOf(groups.flat());
  const letters = Math.max(0, ...groups.flat().map((entry) => figuresOf(entry, peers).length));
  const width = Math.max(legendWidth(peers), scale.right + 30 + Math.round(letters * letterWidth));
  const parts: string[] = [];
  let y = headHeight;
  for (const group of groups) {
    parts.push(label(group, y, scale.left - 10));
    for (const entry of group) {
      parts.push(bar(entry, { y, scale, peers }));
      y += barHeight;
    }
    y += groupGap;
  }
  const height = y + footHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(run.bench)}: ratios</title>`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="12" y="24">${escaped(run.bench)}: ours beside others</text>`,
    legend(peers),
    axis(scale, y),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function isCompared(entry: Row): entry is Compared {
  return entry.peer !== null && entry.ratio !== null && entry.ratio > 0;
}

/** Rows of one work and unit stand together, in the order in which they came. */
function groupsOf(rows: readonly Compared[]): Compared[][] {
  const groups = new Map<string, Compared[]>();
  for (const entry of rows) {
    const name = `${entry.work}\n${entry.unit}`;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups.values()];
}

interface Scale {
  /** Pixels. */
  readonly left: number;
  readonly right: number;
  readonly least: number;
  readonly most: number;
  x(ratio: number): number;
}

function scaleOf(rows: readonly Compared[]): Scale {
  const shown = rows.flatMap(({ ratio, bar: asked }) =>
    asked === null ? [ratio] : [ratio, asked],
  );
  const least = Math.min(1 / narrowest, ...shown) / 1.1;
  const most = Math.max(narrowest, ...shown) * 1.1;
  const perLog = barsWidth / Math.log(most / least);
  const letters = Math.max(0, ...rows.map(({ work, unit }) => work.length + unit.length));
  const left = 30 + Math.round(letters * letterWidth);
  const x = (ratio: number) => left + Math.log(ratio / least) * perLog;
  return { left, right: left + barsWidth, least, most, x };
}

function label(group: readonly Compared[], y: number, right: number): string {
  const [first] = group;
  const middle = y + (group.length * barHeight) / 2 + 4;
  const unit = `<tspan class="faint" dx="7">${escaped(first?.unit ?? "")}</tspan>`;
  const at = `x="${right}" y="${fixed(middle)}" text-anchor="end"`;
  return `<text ${at}>${escaped(first?.work ?? "")}${unit}</text>`;
}

function bar(
  entry: Compared,
  {
    y,
    scale,
    peers,
  }: { readonly y: number; readonly scale: Scale; readonly peers: readonly string[] },
): string {
  const [one, end] = [scale.x(1), scale.x(entry.ratio)];
  const color = peers.indexOf(entry.peerName ?? "");
  const fill = isMet(entry) ? `peer${Math.max(0, color)}` : "missed";
  const from = Math.min(one, end);
  const size = `width="${fixed(Math.max(1, Math.abs(end - one)))}" height="${barHeight - 3}"`;
  const parts = [`<rect class="${fill}" x="${fixed(from)}" y="${y}" ${size}/>`];
  if (entry.bar !== null) {
    const x = fixed(scale.x(entry.bar));
    const ends = `y1="${y - 2}" y2="${y + barHeight - 1}"`;
    parts.push(`<line class="asked" x1="${x}" x2="${x}" ${ends}/>`);
  }
  parts.push(
    `<text x="${scale.right + 10}" y="${y + 11}">${escaped(figuresOf(entry, peers))}</text>`,
  );
  return parts.join("\n");
}

function figuresOf(entry: Compared, peers: readonly string[]): string {
  const beside = peers.length > 0 ? "" : `, ${entry.peerName}`;
  const figures = `${figure(entry.ours)} : ${figure(entry.peer)}${beside}`;
  return `${entry.ratio.toFixed(2)}× (${figures})`;
}

function axis(scale: Scale, bottom: number): string {
  return ticks
    .filter((tick) => tick >= scale.least && tick <= scale.most)
    .map((tick) => {
      const x = fixed(scale.x(tick));
      const line = `<line class="${tick === 1 ? "one" : "grid"}" x1="${x}" x2="${x}"`;
      const name = tick >= 1 ? `${tick}×` : `1/${1 / tick}×`;
      const text = `<text class="faint" x="${x}" y="${bottom + 16}" text-anchor="middle">${name}</text>`;
      return `${line} y1="${headHeight - 6}" y2="${bottom}"/>\n${text}`;
    })
    .join("\n");
}

function legend(peers: readonly string[]): string {
  const entries = peers.map((peer, index) => {
    const x = 12 + index * peerWidth;
    const square = `<rect class="peer${index}" x="${x}" y="36" width="12" height="12"/>`;
    return `${square}\n<text x="${x + 18}" y="46">beside ${escaped(peer)}</text>`;
  });
  const asked = 12 + peers.length * peerWidth;
  return [
    ...entries,
    `<line class="asked" x1="${asked}" x2="${asked}" y1="34" y2="49"/>`,
    `<text x="${asked + 8}" y="46">asked for</text>`,
    `<rect class="missed" x="${asked + 90}" y="36" width="12" height="12"/>`,
    `<text x="${asked + 108}" y="46">less than that</text>`,
  ].join("\n");
}

function legendWidth(peers: readonly string[]): number {
  return peers.length * peerWidth + 240;
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
