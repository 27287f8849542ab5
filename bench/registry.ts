// The registry beside its peers: manifests by tag, one large blob each way, memory at rest.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distribution } from "./contenders/distribution.ts";
import { createSampan } from "./contenders/sampan.ts";
import { zot } from "./contenders/zot.ts";
import { loadProgramsMissing } from "./load.ts";
import type { Contender, Running } from "./process.ts";
import { catalogWork, prepareLists, tagsWorks } from "./registry-lists.ts";
import { manyGetsWork, memoryWork, prepareManyGets } from "./registry-pulls.ts";
import { skopeoMissing, skopeoPushWork } from "./registry-skopeo.ts";
import {
  firstGetWork,
  getWork,
  manifestWork,
  prepare,
  putWork,
  type Work,
} from "./registry-works.ts";
import { type BenchOptions, BenchRefusal, type Row, row } from "./result.ts";

const peersKnown: Record<string, Contender> = { distribution, zot };
/** The bars are said of this peer. */
const barPeer = "distribution";

export async function benchRegistry(options: BenchOptions): Promise<Row[]> {
  const peers = options.peers.map((name) => {
    const peer = peersKnown[name];
    if (peer === undefined) {
      throw new BenchRefusal(
        `no such peer: ${name}; there is ${Object.keys(peersKnown).join(", ")}`,
      );
    }
    return peer;
  });
  const contenders = [createSampan("none"), createSampan("password"), ...peers];
  const missing = [loadProgramsMissing(), ...contenders.map((each) => each.missing())];
  const complaints = missing.filter((text) => text !== null);
  if (complaints.length > 0) throw new BenchRefusal(complaints.join("\n"));
  const directory = mkdtempSync(join(tmpdir(), "sampan-bench-"));
  const running: Running[] = [];
  try {
    for (const contender of contenders) running.push(await contender.start(directory));
    return await measure(running, directory, options);
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(servers: Running[], directory: string, options: BenchOptions) {
  const [ours, authed, ...peers] = servers as [Running, Running, ...Running[]];
  const rows: Row[] = [];
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  rows.push(...idleMemory(ours, peers));
  const token = await prepare(servers, authed);
  const manifests = [manifestWork("GET", directory), manifestWork("HEAD", directory)];
  const withToken = [manifestWork("GET", directory, token), manifestWork("HEAD", directory, token)];
  const file = join(directory, "big");
  const skopeo = skopeoMissing();
  if (skopeo !== null) console.error(`the push by skopeo is left out: ${skopeo}`);
  const groups: Group[] = [
    { works: manifests },
    { first: authed, works: withToken },
    { works: [putWork(file), firstGetWork(file), getWork(file)] },
    { prepare: prepareManyGets, works: [manyGetsWork(directory), memoryWork(directory)] },
    { works: skopeo === null ? [skopeoPushWork(directory)] : [] },
    { prepare: prepareLists, works: [...tagsWorks(directory), catalogWork(directory)] },
  ];
  for (const { first = ours, prepare: prepareGroup, works } of groups) {
    const chosen = works.filter(({ name }) => name.includes(options.only));
    if (chosen.length > 0) await prepareGroup?.([first, ...peers]);
    for (const work of chosen) rows.push(...(await compare(work, [first, ...peers], options)));
  }
  rows.push(...peakMemory(ours, peers));
  return rows;
}

/** Works that need the same to be there. */
interface Group {
  /** Which of ours; the one without auth unless given. */
  readonly first?: Running;
  readonly prepare?: (servers: readonly Running[]) => Promise<void>;
  readonly works: readonly Work[];
}

/** Alternating rounds: every contender has its turn before the next round begins. */
async function compare(work: Work, servers: Running[], options: BenchOptions): Promise<Row[]> {
  const [ours, ...peers] = servers as [Running, ...Running[]];
  const seen = new Map<string, Record<string, number>[]>(servers.map((each) => [each.name, []]));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const server of servers) seen.get(server.name)?.push(await work.round(server, round));
    console.error(`${work.name}: round ${round + 1} of ${options.rounds}`);
  }
  const figuresOf = (server: Running, name: string) =>
    (seen.get(server.name) ?? []).map((figures) => figures[name] ?? Number.NaN);
  return Object.entries(work.figures).flatMap(([name, better]) => {
    const what = { work: work.name, unit: name, better, rounds: options.rounds };
    const mine = figuresOf(ours, name);
    const limit = work.limits?.[name];
    const held = { name: "bar", figures: [limit ?? Number.NaN] };
    const limited = limit === undefined ? [] : [row({ ...what, bar: 1 }, mine, held)];
    if (peers.length === 0) return limited.length > 0 ? limited : [row(what, mine, null)];
    const beside = peers.map((peer) => {
      const bar = peer.name === barPeer ? (work.bars?.[name] ?? null) : null;
      return row({ ...what, bar }, mine, { name: peer.name, figures: figuresOf(peer, name) });
    });
    return [...beside, ...limited];
  });
}

function idleMemory(ours: Running, peers: Running[]): Row[] {
  return memoryRows("memory at rest, after the start", ours, peers, (each) => each.memory().now);
}

function peakMemory(ours: Running, peers: Running[]): Row[] {
  return memoryRows("memory, peak of this run", ours, peers, (each) => each.memory().peak);
}

function memoryRows(
  work: string,
  ours: Running,
  peers: Running[],
  read: (server: Running) => number,
): Row[] {
  const what = { work, unit: "MB", better: "less", rounds: 1 } as const;
  if (peers.length === 0) return [row(what, [read(ours)], null)];
  return peers.map((peer) => row(what, [read(ours)], { name: peer.name, figures: [read(peer)] }));
}
