import assert from "node:assert/strict";
import { test } from "node:test";
import { partBytes, partBytesMin, partsMax, partsOnTheWayMax } from "./parts.ts";

const GiB = 1024 ** 3;

test("ten thousand parts hold more than any layer has", () => {
  let bytes = 0;
  for (let number = 1; number <= partsMax; number += 1) bytes += partBytes(number);
  assert.ok(bytes > 500 * GiB, String(bytes));
});

test("a layer of 10 GiB is less than two thousand parts", () => {
  let number = 0;
  for (let bytes = 0; bytes < 10 * GiB; bytes += partBytes(number)) number += 1;
  assert.ok(number < 2_000, String(number));
});

test("no part is smaller than S3 allows, and none on its way takes much memory", () => {
  for (const number of [1, 1_000, 1_001, 4_001, partsMax]) {
    assert.ok(partBytes(number) >= partBytesMin);
    const onTheWay = partsOnTheWayMax(number) * partBytes(number);
    assert.ok(onTheWay <= 80 * 1024 * 1024, `${number}: ${onTheWay}`);
  }
});
