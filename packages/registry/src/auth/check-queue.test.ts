// Who waits for a password check, and who goes first.

import assert from "node:assert/strict";
import test from "node:test";
import type { Lane } from "./check-queue.ts";
import { createCheckQueue, passwordChecksOfClientMax } from "./check-queue.ts";

const trusted: Lane = { type: "trusted" };
const guessOf = (client: string): Lane => ({ type: "guess", client });

/** Jobs that end when told to. */
function createJobs() {
  const enter = createCheckQueue();
  const started: string[] = [];
  const ends: (() => void)[] = [];
  return {
    started,
    enter: (name: string, lane: Lane) =>
      enter(lane, () => {
        started.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    endOne: () => ends.shift()?.(),
  };
}

test("who was right before goes before the guesses that wait", async () => {
  const { enter, started, endOne } = createJobs();
  const all = ["a", "b", "c", "d"].map((name) => enter(name, guessOf(name)));
  all.push(enter("owner", trusted));
  for (const _ of all) {
    endOne();
    await new Promise(setImmediate); // what waited starts in its turn
  }
  await Promise.all(all);
  assert.deepEqual(started, ["a", "b", "owner", "c", "d"]);
});

test("a client has its share again once its checks have ended", async () => {
  const { enter, endOne } = createJobs();
  const fill = () =>
    Array.from({ length: passwordChecksOfClientMax }, (_, n) => enter(`${n}`, guessOf("a")));
  for (let round = 0; round < 2; round += 1) {
    const entered = fill();
    assert.deepEqual(await enter("more", guessOf("a")), { ok: false, error: "busy" });
    for (const _ of entered) {
      endOne();
      await new Promise(setImmediate); // what waited starts in its turn
    }
    for (const result of await Promise.all(entered)) assert.ok(result.ok);
  }
});
