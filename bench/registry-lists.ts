// Lists beside the peers: the tags of a repository and the catalog, while a writer adds all the time,
// so that nobody answers from a copy that it keeps, and what is asked differs from request to request.
// `last` always names what is there: zot knows no other.

import { createHash } from "node:crypto";
import { wrkPaths } from "./load.ts";
import type { Running } from "./process.ts";
import { pushImage } from "./push.ts";
import type { Work } from "./registry-works.ts";

/** Tags of one repository each; distribution 2.8 always gives all of them. */
const tagsCounts = [1_000, 100] as const;
const tagsBars = { 1000: 2, 100: 5 } as const;
const repositoriesCount = 1_000;
/** Names that the writer adds a second, while a list is measured. */
const addedPerSecond = 3;

function tagsRepository(count: number): string {
  return `library/bench-tags-${count}`;
}

/** A repository with many tags, and many repositories with one. */
export async function prepareLists(servers: readonly Running[]): Promise<void> {
  for (const server of servers) {
    for (const count of tagsCounts) {
      const image = await pushImage(server, tagsRepository(count), "v0000");
      for (let index = 1; index < count; index += 1) await image.tag(numbered("v", index));
    }
    for (let index = 0; index < repositoriesCount; index += 1) {
      await pushImage(server, `library/${numbered("bench-", index)}`, "v1");
    }
    console.error(`lists: ${server.name} has its tags and repositories`);
  }
}

export function tagsWorks(directory: string): Work[] {
  return tagsCounts.map((entries) => ({
    name: `tags/list of ${entries}, 64 connections, a writer adding`,
    figures: { "req/s": "more", "CPU ms/req": "less" },
    bars: { "req/s": tagsBars[entries] },
    round: (server, round) => {
      const repository = tagsRepository(entries);
      const paths = Array.from({ length: 100 }, (_, index) => {
        const last = numbered("v", index % 2);
        return `/v2/${repository}/tags/list?n=${entries + index}&last=${last}`;
      });
      const add = (count: number) => pushImage(server, repository, `x${round}-${count}`);
      return measure(server, { paths, directory, add });
    },
  }));
}

export function catalogWork(directory: string): Work {
  return {
    name: "catalog of 1,000, 64 connections, a writer adding",
    figures: { "req/s": "more", "CPU ms/req": "less" },
    bars: { "req/s": 20 },
    round: (server, round) => {
      const paths = Array.from({ length: 20 }, (_, index) => {
        const last = `library/${numbered("bench-", index % 5)}`;
        return `/v2/_catalog?n=1000&last=${last}`;
      });
      const add = (count: number) =>
        pushImage(server, `library/x-${hashOf(`${round} ${count}`)}`, "v1");
      return measure(server, { paths, directory, add });
    },
  };
}

interface Listing {
  readonly paths: readonly string[];
  readonly directory: string;
  /** Adds one more name. */
  readonly add: (count: number) => Promise<unknown>;
}

async function measure(server: Running, listing: Listing): Promise<Record<string, number>> {
  let isOver = false;
  let failed = 0;
  const writing = (async () => {
    for (let count = 0; !isOver; count += 1) {
      // A server may be too busy with its readers to let a writer in: that is told, not hidden.
      await listing.add(count).catch(() => {
        failed += 1;
      });
      await new Promise((resolve) => setTimeout(resolve, 1000 / addedPerSecond));
    }
  })();
  const before = server.cpuSeconds();
  const options = { seconds: 4, directory: listing.directory };
  const { perSecond, count } = await wrkPaths(server.url, listing.paths, options);
  const cpuMs = ((server.cpuSeconds() - before) * 1000) / count;
  isOver = true;
  await writing;
  if (failed > 0) console.error(`lists: ${failed} pushes to ${server.name} failed meanwhile`);
  return { "req/s": perSecond, "CPU ms/req": cpuMs };
}

function numbered(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(4, "0")}`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
