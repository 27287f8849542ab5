// Golden bytes of timestamps, their parts, and their order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import {
  composeTimestamp,
  encodeInvertedTimestamp,
  encodeTimestamp,
  fromHalves,
  highHalf,
  logicalOf,
  lowHalf,
  physicalMs,
  readInvertedTimestamp,
  readTimestamp,
  timestampMax,
} from "./timestamp.ts";

function check(timestamp: bigint, plain: string, inverted: string): void {
  test(`timestamp ${timestamp} is big-endian, and inverted beside keys`, () => {
    assert.equal(encodeTimestamp(timestamp).toString("hex"), plain);
    assert.equal(encodeInvertedTimestamp(timestamp).toString("hex"), inverted);
    assert.equal(readTimestamp(encodeTimestamp(timestamp), 0), timestamp);
    assert.equal(readInvertedTimestamp(encodeInvertedTimestamp(timestamp), 0), timestamp);
  });
}

check(0n, "0000000000000000", "ffffffffffffffff");
check(1n, "0000000000000001", "fffffffffffffffe");
check(0x1234_5678_9abc_def0n, "123456789abcdef0", "edcba9876543210f");
check(timestampMax, "ffffffffffffffff", "0000000000000000");

test("physical and logical parts come back", () => {
  const timestamp = composeTimestamp(1_700_000_000_000, 77);
  assert.equal(timestamp, (1_700_000_000_000n << 18n) + 77n);
  assert.equal(physicalMs(timestamp), 1_700_000_000_000);
  assert.equal(logicalOf(timestamp), 77);
  assert.equal(logicalOf(composeTimestamp(0, 2 ** 18 - 1)), 2 ** 18 - 1);
});

test("parts out of range are refused", () => {
  assert.throws(() => composeTimestamp(-1, 0), /out of range/);
  assert.throws(() => composeTimestamp(2 ** 46, 0), /out of range/);
  assert.throws(() => composeTimestamp(0.5, 0), /out of range/);
  assert.throws(() => composeTimestamp(0, 2 ** 18), /out of range/);
});

test("random timestamps come back and sort by their bytes", () => {
  const { random } = createSimulatedWorld(1).env;
  const draw = () => fromHalves(random.int(2 ** 32), random.int(2 ** 32));
  for (let round = 0; round < 2_000; round += 1) {
    const [a, b] = [draw(), draw()];
    assert.equal(fromHalves(highHalf(a), lowHalf(a)), a);
    assert.equal(readInvertedTimestamp(encodeInvertedTimestamp(a), 0), a);
    const order = a < b ? -1 : Number(a > b);
    assert.equal(Buffer.compare(encodeTimestamp(a), encodeTimestamp(b)), order);
    assert.equal(Buffer.compare(encodeInvertedTimestamp(b), encodeInvertedTimestamp(a)), order);
  }
});
