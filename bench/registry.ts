// The registry beside its peers: manifests by tag, one large blob each way, memory at rest.

import { createHash } from "node:crypto";
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distribution } from "./contenders/distribution.ts";
import { adminPassword, createSampan } from "./contenders/sampan.ts";
import { abHead, curlGet, curlPut, loadProgramsMissing, wrkGet } from "./load.ts";
import type { Contender, Running } from "./process.ts";
import { type BenchOptions, BenchRefusal, type Better, type Row, row } from "./result.ts";

const peersKnown: Record<string, Contender> = { distribution };
const bigBytes = 1024 ** 3;
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const repository = "library/bench";

interface Work {
  readonly name: string;
  /** Figure name (unit in brackets) → what is better and the figure of one round. */
  readonly figures: Record<string, Better>;
  round(server: Running, round: number): Promise<Record<string, number>>;
}

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
  const works = [manifestWork("GET", directory), manifestWork("HEAD", directory)];
  for (const work of works) rows.push(...(await compare(work, [ours, ...peers], options)));
  for (const method of ["GET", "HEAD"] as const) {
    const work = manifestWork(method, directory, token);
    rows.push(...(await compare(work, [authed, ...peers], options)));
  }
  const file = join(directory, "big");
  for (const work of [putWork(file), getWork(file)]) {
    rows.push(...(await compare(work, [ours, ...peers], options)));
  }
  rows.push(...peakMemory(ours, peers));
  return rows;
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
    if (peers.length === 0) return [row(what, mine, null)];
    return peers.map((peer) =>
      row(what, mine, { name: peer.name, figures: figuresOf(peer, name) }),
    );
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

function manifestWork(method: "GET" | "HEAD", directory: string, token?: string): Work {
  const headers: Record<string, string> = { Accept: manifestType };
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  const suffix = token === undefined ? "" : ", ours with a token";
  return {
    name: `manifest ${method} by tag, 64 connections${suffix}`,
    figures: { "req/s": "more", "CPU ms/req": "less" },
    round: async (server) => {
      // A token is ours alone: the peer runs without auth and is asked without one.
      const sent = server.name === "sampan-auth" ? headers : { Accept: manifestType };
      const url = `${server.url}/v2/${repository}/manifests/v1`;
      const before = server.cpuSeconds();
      const { perSecond, count } =
        method === "GET"
          ? await wrkGet(url, sent, { seconds: 4, directory })
          : await abHead(url, sent, 12_000);
      const cpuMs = ((server.cpuSeconds() - before) * 1000) / count;
      return { "req/s": perSecond, "CPU ms/req": cpuMs };
    },
  };
}

function putWork(file: string): Work {
  return {
    name: "blob PUT 1 GiB, monolithic",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    round: async (server, round) => {
      const digest = await writeBig(file, `${round} ${server.name}`);
      const opened = await fetch(`${server.url}/v2/${repository}/blobs/uploads/`, {
        method: "POST",
      });
      const location = new URL(opened.headers.get("location") ?? "", server.url);
      location.searchParams.set("digest", digest);
      const before = server.cpuSeconds();
      const seconds = await curlPut(location.href, file);
      return { "MB/s": bigBytes / 1e6 / seconds, "CPU s/GiB": server.cpuSeconds() - before };
    },
  };
}

function getWork(file: string): Work {
  const digests = new Map<string, string>();
  return {
    name: "blob GET 1 GiB, one client",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    round: async (server) => {
      const known = digests.get(server.name);
      const digest = known ?? (await pushBig(server, file));
      digests.set(server.name, digest);
      const before = server.cpuSeconds();
      const seconds = await curlGet(`${server.url}/v2/${repository}/blobs/${digest}`);
      return { "MB/s": bigBytes / 1e6 / seconds, "CPU s/GiB": server.cpuSeconds() - before };
    },
  };
}

async function pushBig(server: Running, file: string): Promise<string> {
  const digest = await writeBig(file, `get ${server.name}`);
  const opened = await fetch(`${server.url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const location = new URL(opened.headers.get("location") ?? "", server.url);
  location.searchParams.set("digest", digest);
  await curlPut(location.href, file);
  await curlGet(`${server.url}/v2/${repository}/blobs/${digest}`);
  return digest;
}

/** 1 GiB that differs for each `mark`; answers its digest. */
async function writeBig(file: string, mark: string): Promise<string> {
  const block = Buffer.alloc(1 << 20);
  for (let i = 0; i < block.length; i += 4) block.writeUInt32LE((i * 2654435761) >>> 0, i);
  const handle = openSync(file, "w");
  for (let index = 0; index < bigBytes / block.length; index += 1) {
    block.write(`${mark} ${index} `);
    writeSync(handle, block);
  }
  closeSync(handle);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

/** Pushes one small image to each; answers a token for ours with auth. */
async function prepare(servers: Running[], authed: Running): Promise<string> {
  const basic = `Basic ${Buffer.from(`admin:${adminPassword}`).toString("base64")}`;
  for (const server of servers) {
    const headers: Record<string, string> = server === authed ? { Authorization: basic } : {};
    await pushSmall(server, headers);
  }
  const scope = `repository:${repository}:pull`;
  const url = `${authed.url}/service/token?service=harbor-registry&scope=${scope}`;
  const response = await fetch(url, { headers: { Authorization: basic } });
  const body: unknown = await response.json();
  if (typeof body !== "object" || body === null || !("token" in body)) {
    throw new Error(`no token: ${response.status}`);
  }
  return String(body.token);
}

async function pushSmall(server: Running, headers: Record<string, string>): Promise<void> {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux" }));
  const layer = Buffer.alloc(4096, 7);
  const descriptors = [];
  for (const bytes of [config, layer]) {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const opened = await must(`${server.url}/v2/${repository}/blobs/uploads/`, {
      method: "POST",
      headers,
    });
    const location = new URL(opened.headers.get("location") ?? "", server.url);
    location.searchParams.set("digest", digest);
    const type = { "Content-Type": "application/octet-stream" };
    await must(location.href, { method: "PUT", headers: { ...headers, ...type }, body: bytes });
    descriptors.push({ digest, size: bytes.length });
  }
  const [first, second] = descriptors;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...first },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", ...second }],
  });
  await must(`${server.url}/v2/${repository}/manifests/v1`, {
    method: "PUT",
    headers: { ...headers, "Content-Type": manifestType },
    body: manifest,
  });
}

async function must(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${init.method} ${url}: ${response.status}`);
  return response;
}
