import assert from "node:assert/strict";
import { test } from "node:test";
import { EventHeap, type SimulatedEvent } from "./event-heap.ts";
import { createSimulatedRandom } from "./random.ts";

function event(dueMs: number, sequence: number): SimulatedEvent {
  return { dueMs, sequence, process: "test", cancelled: false, fire: () => undefined };
}

test("events come out by time, then by the order of scheduling", () => {
  for (let seed = 0; seed < 50; seed += 1) {
    const random = createSimulatedRandom(seed, "heap");
    const events = Array.from({ length: random.int(200) }, (_, i) => event(random.int(20), i));
    const heap = new EventHeap();
    for (const each of events) heap.push(each);
    for (const each of events) each.cancelled = random.int(4) === 0;
    const expected = events
      .filter((each) => !each.cancelled)
      .sort((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence);
    const popped: SimulatedEvent[] = [];
    for (let next = heap.pop(); next !== null; next = heap.pop()) popped.push(next);
    assert.deepEqual(popped, expected);
  }
});
