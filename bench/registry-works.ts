// What is asked of a registry under measurement, the same of every contender: a manifest by its tag,
// one large blob in, and out again.

import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { adminPassword } from "./contenders/sampan.ts";
import { abHead, curlGet, curlPut, wrkGet } from "./load.ts";
import type { Running } from "./process.ts";
import { manifestType, pushImage, startUpload } from "./push.ts";
import type { Better } from "./result.ts";

const bigBytes = 1024 ** 3;
const repository = "library/bench";

export interface Work {
  readonly name: string;
  /** Figure name (unit in brackets) → what is better and the figure of one round. */
  readonly figures: Record<string, Better>;
  /** Of some figures: the ratio that is asked for beside distribution. */
  readonly bars?: Record<string, number>;
  /** Of some figures: what ours is held against whoever the peers are. */
  readonly limits?: Record<string, number>;
  round(server: Running, round: number): Promise<Record<string, number>>;
}

export function manifestWork(method: "GET" | "HEAD", directory: string, token?: string): Work {
  const headers: Record<string, string> = { Accept: manifestType };
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  const suffix = token === undefined ? "" : ", ours with a token";
  return {
    name: `manifest ${method} by tag, 64 connections${suffix}`,
    figures: { "req/s": "more", "CPU ms/req": "less" },
    bars: { "req/s": 5 },
    round: async (server) => {
      // A token is ours alone: the peer runs without auth and is asked without one.
      const sent = server.name === "sampan-auth" ? headers : { Accept: manifestType };
      const url = `${server.url}/v2/${repository}/manifests/v1`;
      const before = server.cpuSeconds();
      const { perSecond, count } =
        method === "GET"
          ? await wrkGet(url, { headers: sent, seconds: 4, directory })
          : await abHead(url, sent, 12_000);
      const cpuMs = ((server.cpuSeconds() - before) * 1000) / count;
      return { "req/s": perSecond, "CPU ms/req": cpuMs };
    },
  };
}

export function putWork(file: string): Work {
  return {
    name: "blob PUT 1 GiB, monolithic",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    bars: { "MB/s": 2.5 },
    round: async (server, round) => {
      const digest = await writeBig(file, `${round} ${server.name}`);
      const location = await startUpload(server, digest, repository);
      const before = server.cpuSeconds();
      const seconds = await curlPut(location, file);
      return { "MB/s": bigBytes / 1e6 / seconds, "CPU s/GiB": server.cpuSeconds() - before };
    },
  };
}

/** What a push left in the page cache comes from there, the rest from the disk. */
export function firstGetWork(file: string): Work {
  return {
    name: "blob GET 1 GiB, the first after its push",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    round: async (server, round) => {
      const digest = await writeBig(file, `first ${round} ${server.name}`);
      await curlPut(await startUpload(server, digest, repository), file);
      const before = server.cpuSeconds();
      const seconds = await curlGet(`${server.url}/v2/${repository}/blobs/${digest}`);
      return { "MB/s": bigBytes / 1e6 / seconds, "CPU s/GiB": server.cpuSeconds() - before };
    },
  };
}

export function getWork(file: string): Work {
  const digests = new Map<string, string>();
  return {
    name: "blob GET 1 GiB, one client",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    bars: { "MB/s": 0.8 },
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
  await curlPut(await startUpload(server, digest, repository), file);
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
export async function prepare(servers: readonly Running[], authed: Running): Promise<string> {
  const basic = `Basic ${Buffer.from(`admin:${adminPassword}`).toString("base64")}`;
  for (const server of servers) {
    const headers: Record<string, string> = server === authed ? { Authorization: basic } : {};
    await pushImage(server, repository, "v1", headers);
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
