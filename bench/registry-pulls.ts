// Many pulls at once: how fast blobs of 10 MiB go out, and how much memory that takes at most.

import { wrkPaths } from "./load.ts";
import type { Running } from "./process.ts";
import { digestOf, putBlob } from "./push.ts";
import type { Work } from "./registry-works.ts";

const blobBytes = 10 * 1024 * 1024;
const blobsCount = 64;
const secondsPerRound = 5;
const repository = "library/bench-pulls";

/** As many different blobs as clients will pull at once, the same for everyone. */
export async function prepareManyGets(servers: readonly Running[]): Promise<void> {
  for (const server of servers) {
    for (let index = 0; index < blobsCount; index += 1) {
      await putBlob(server, blobOf(index), repository);
    }
  }
}

function blobOf(index: number): Buffer {
  const bytes = Buffer.alloc(blobBytes);
  for (let at = 0; at < bytes.length; at += 4) {
    bytes.writeUInt32LE(((at + index) * 2_654_435_761) >>> 0, at);
  }
  return bytes;
}

function blobPaths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    return `/v2/${repository}/blobs/${digestOf(blobOf(index))}`;
  });
}

export function manyGetsWork(directory: string): Work {
  const paths = blobPaths(16);
  return {
    name: "blob GET 10 MiB, 16 clients at once",
    figures: { "MB/s": "more", "CPU s/GiB": "less" },
    bars: { "MB/s": 0.8 },
    round: async (server) => {
      const before = server.cpuSeconds();
      const load = { connections: 16, seconds: secondsPerRound, directory };
      const { perSecond, count } = await wrkPaths(server.url, paths, load);
      const gibibytes = (count * blobBytes) / 1024 ** 3;
      return {
        "MB/s": (perSecond * blobBytes) / 1e6,
        "CPU s/GiB": (server.cpuSeconds() - before) / gibibytes,
      };
    },
  };
}

/** The kernel keeps the mark of the most resident memory; it is reset before each round. */
export function memoryWork(directory: string): Work {
  const paths = blobPaths(blobsCount);
  return {
    name: "blob GET 10 MiB, 64 clients at once",
    figures: { "MB of memory at most": "less", "MB/s": "more" },
    bars: { "MB of memory at most": 1 },
    limits: { "MB of memory at most": 200 },
    round: async (server) => {
      server.startRecentPeak();
      const load = { connections: blobsCount, seconds: secondsPerRound, directory };
      const { perSecond } = await wrkPaths(server.url, paths, load);
      return {
        "MB of memory at most": server.memory().recent,
        "MB/s": (perSecond * blobBytes) / 1e6,
      };
    },
  };
}
