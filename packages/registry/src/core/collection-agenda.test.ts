// The agenda against a queue of numbers: what is due is read whatever stands before it, and what is
// not is not read again and again.

import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedRandom } from "@sampan/env/simulated";
import { CollectionAgenda } from "./collection-agenda.ts";

const page = 4;
const pagesPerRound = 3;
/** A stretch is read again after so long, whatever is in it. */
const waitMax = 1_000;

/** Notes by key, and when they are due. */
class Queue {
  readonly notes = new Map<number, number>();
  readonly agenda: CollectionAgenda;
  pagesRead = 0;

  constructor(stretchesMax?: number) {
    this.agenda = new CollectionAgenda(stretchesMax);
  }

  /** As the collector: reads what may be due, takes it, notes what waits. */
  round(nowMs: number): number[] {
    const taken: number[] = [];
    let index = this.agenda.next(0, nowMs);
    for (let pages = 0; index !== null && pages < pagesPerRound; pages += 1) {
      this.pagesRead += 1;
      const { after, through } = this.agenda.stretch(index);
      const keys = [...this.notes.keys()]
        .filter((key) => key > number(after, -1) && key <= number(through, 1e9))
        .sort((a, b) => a - b)
        .slice(0, page);
      let dueMs = Number.POSITIVE_INFINITY;
      for (const key of keys) {
        const at = this.notes.get(key) ?? 0;
        if (at > nowMs) dueMs = Math.min(dueMs, at, nowMs + waitMax);
        else {
          taken.push(key);
          this.notes.delete(key);
          dueMs = Math.min(dueMs, nowMs);
        }
      }
      const last = keys.length < page ? null : bytes(keys.at(-1) ?? 0);
      index = this.agenda.next(this.agenda.note(index, { through: last, dueMs }), nowMs);
    }
    return taken;
  }
}

function bytes(key: number): Uint8Array {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(key);
  return buffer;
}

function number(key: Uint8Array | null, otherwise: number): number {
  return key === null ? otherwise : Buffer.from(key).readUInt32BE();
}

test("notes that are due later do not hold back those behind them", () => {
  const queue = new Queue();
  for (let key = 0; key < 20; key += 1) queue.notes.set(key, 1_000);
  queue.notes.set(20, 5);
  for (let round = 0; round < 2; round += 1) queue.round(10);
  equal(queue.notes.has(20), false);
  equal(queue.notes.size, 20);
});

test("what is not due is read once, and again at its time", () => {
  const queue = new Queue();
  for (let key = 0; key < 20; key += 1) queue.notes.set(key, 1_000 + key);
  for (let round = 0; round < 10; round += 1) queue.round(10);
  const before = queue.pagesRead;
  for (let round = 0; round < 10; round += 1) queue.round(10);
  equal(queue.pagesRead - before, 10, "the open end alone");
  for (let round = 0; round < 20; round += 1) queue.round(1_019);
  equal(queue.notes.size, 0);
});

test("a note that comes late, behind others that were read, is found with them", () => {
  const queue = new Queue();
  for (let key = 0; key < 20; key += 2) queue.notes.set(key, 100);
  for (let round = 0; round < 5; round += 1) queue.round(10);
  queue.notes.set(3, 100);
  for (let round = 0; round < 10; round += 1) queue.round(100);
  equal(queue.notes.size, 0);
});

for (const stretchesMax of [4, 8, 4_096]) {
  test(`every note is taken soon after its time, with ${stretchesMax} stretches at most`, () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = createSimulatedRandom(seed, "agenda");
      const queue = new Queue(stretchesMax);
      const dueOf = new Map<number, number>();
      for (let now = 0; now < 300; now += 1) {
        const key = now < 200 ? Math.max(0, now * 4 - random.int(12)) : -1;
        if (key >= 0 && !dueOf.has(key)) {
          const dueMs = now + (random.int(5) === 0 ? random.int(600) : 20);
          dueOf.set(key, dueMs);
          queue.notes.set(key, dueMs);
        }
        for (const taken of queue.round(now)) ok((dueOf.get(taken) ?? 1e9) <= now);
        ok(queue.agenda.size <= stretchesMax + 1);
      }
      for (let round = 0; round < 400; round += 1) queue.round(300 + waitMax);
      equal(queue.notes.size, 0, `seed ${seed}`);
    }
  });
}
