// Deletions behind the collector: all are tried, few at once, and who brings many waits.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import type { BlobLocation } from "../blobs/blobs.ts";
import { Disposal } from "./disposal.ts";

const locations = (count: number) =>
  Array.from({ length: count }, (_, index) => `location ${index}` as BlobLocation);

/** A disk that deletes one when it is told to. */
function slowDisk() {
  const deleted: BlobLocation[] = [];
  const waiting: (() => void)[] = [];
  let mostAtOnce = 0;
  return {
    deleted,
    delete: async (location: BlobLocation): Promise<void> => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        mostAtOnce = Math.max(mostAtOnce, waiting.length);
      });
      deleted.push(location);
      if (location.endsWith("13")) throw new IoError("io", "the disk failed");
    },
    mostAtOnce: () => mostAtOnce,
    goOn: async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 1) {
        waiting.shift()?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

test("all are deleted in order, two at once, whatever comes while the last go", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  for (const location of locations(5)) {
    await disposal.add([location]);
    await disk.goOn(1);
  }
  await disposal.add(locations(5));
  const settled = disposal.settled();
  await disk.goOn(10);
  await settled;
  deepEqual(disk.deleted, [...locations(5), ...locations(5)]);
  equal(disk.mostAtOnce(), 2);
  await disposal.settled();
});

test("a failure is told at the end, once, and holds nothing back", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  await disposal.add(locations(20));
  const settled = rejects(disposal.settled(), { code: "io" });
  await disk.goOn(20);
  await settled;
  equal(disk.deleted.length, 20);
  await disposal.settled();
});

test("who brings more than may wait, waits", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  let isAdded = false;
  const adding = disposal.add(locations(1_100)).then(() => {
    isAdded = true;
  });
  await disk.goOn(50);
  equal(isAdded, false);
  await disk.goOn(50);
  ok(isAdded);
  await adding;
});
