// Deletions behind the collector: all are tried, few at once, and who brings many waits.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import { type BlobLocation, deletedTogetherMax } from "../blobs/blobs.ts";
import { Disposal, waitingMax } from "./disposal.ts";

const locations = (count: number) =>
  Array.from({ length: count }, (_, index) => `location ${index}` as BlobLocation);

/** A disk that deletes a batch when it is told to. */
function slowDisk() {
  const batches: (readonly BlobLocation[])[] = [];
  const waiting: (() => void)[] = [];
  return {
    batches,
    deleteAll: async (locations: readonly BlobLocation[]): Promise<void> => {
      equal(waiting.length, 0, "one batch at a time");
      await new Promise<void>((resolve) => waiting.push(resolve));
      batches.push(locations);
      if (locations.includes("location 250" as BlobLocation)) {
        throw new IoError("io", "the disk failed");
      }
    },
    goOn: async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 1) {
        waiting.shift()?.();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

test("all are deleted in order, whatever comes while the last go", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  for (const location of locations(5)) {
    await disposal.add([location]);
    await disk.goOn(1);
  }
  await disposal.add(locations(200));
  await disposal.add(locations(5));
  const settled = disposal.settled();
  await disk.goOn(3);
  await settled;
  deepEqual(disk.batches.flat(), [...locations(5), ...locations(200), ...locations(5)]);
  ok(disk.batches.every(({ length }) => length <= deletedTogetherMax));
  await disposal.settled();
});

test("a failure is told at the end, once, and holds nothing back", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  await disposal.add(locations(300));
  const settled = rejects(disposal.settled(), { code: "io" });
  await disk.goOn(3);
  await settled;
  equal(disk.batches.flat().length, 300);
  await disposal.settled();
});

test("who brings more than may wait, waits", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(disk);
  let isAdded = false;
  const adding = disposal.add(locations(waitingMax + 2 * deletedTogetherMax)).then(() => {
    isAdded = true;
  });
  await disk.goOn(0);
  equal(isAdded, false);
  await disk.goOn(1);
  ok(isAdded);
  await adding;
});
