// Deletions behind the collector: all are tried, few at once, and who brings many waits.

import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { IoError } from "@sampan/env";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { type BlobLocation, deletedTogetherMax } from "../blobs/blobs.ts";
import { Disposal, endMsMax, waitingMax } from "./disposal.ts";

const locations = (count: number) =>
  Array.from({ length: count }, (_, index) => `location ${index}` as BlobLocation);

const { clock } = createSimulatedWorld(1).env;
const { signal } = new AbortController();

/** A disk that deletes a batch when it is told to. */
function slowDisk(failing = "") {
  const batches: (readonly BlobLocation[])[] = [];
  const waiting: (() => void)[] = [];
  return {
    batches,
    deleteAll: async (locations: readonly BlobLocation[]): Promise<void> => {
      equal(waiting.length, 0, "one batch at a time");
      await new Promise<void>((resolve) => waiting.push(resolve));
      batches.push(locations);
      if (locations.includes(failing as BlobLocation)) {
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
  const disposal = new Disposal(clock, disk);
  for (const location of locations(5)) {
    await disposal.add([location], signal);
    await disk.goOn(1);
  }
  await disposal.add(locations(200), signal);
  await disposal.add(locations(5), signal);
  const settled = disposal.settled(signal);
  await disk.goOn(3);
  await settled;
  deepEqual(disk.batches.flat(), [...locations(5), ...locations(200), ...locations(5)]);
  ok(disk.batches.every(({ length }) => length <= deletedTogetherMax));
  await disposal.settled(signal);
});

test("a failure is told at the end, once, and holds nothing back", async () => {
  const disk = slowDisk("location 250");
  const disposal = new Disposal(clock, disk);
  await disposal.add(locations(300), signal);
  const settled = rejects(disposal.settled(signal), { code: "io" });
  await disk.goOn(3);
  await settled;
  equal(disk.batches.flat().length, 300);
  await disposal.settled(signal);
});

test("who brings more than may wait, waits", async () => {
  const disk = slowDisk();
  const disposal = new Disposal(clock, disk);
  let isAdded = false;
  const adding = disposal.add(locations(waitingMax + 2 * deletedTogetherMax), signal).then(() => {
    isAdded = true;
  });
  await disk.goOn(0);
  equal(isAdded, false);
  await disk.goOn(1);
  ok(isAdded);
  await adding;
});

test("at the end of the process all are deleted that can be in a short time", async () => {
  const world = createSimulatedWorld(1);
  const disk = slowDisk();
  const disposal = new Disposal(world.env.clock, disk);
  const ending = new AbortController();
  const adding = disposal.add(locations(waitingMax + 3 * deletedTogetherMax), ending.signal);
  const settled = disposal.settled(ending.signal);
  await disk.goOn(1);
  ending.abort();
  await disk.goOn(1);
  await adding;
  await world.drive(world.env.clock.sleep(endMsMax + 1));
  await disk.goOn(1);
  await settled;
  equal(disk.batches.length, 3);
});
