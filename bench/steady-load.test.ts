import assert from "node:assert/strict";
import { test } from "node:test";
import { percentileOf } from "./steady-load.ts";

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

function check(figures: readonly number[], percent: number, expected: number): void {
  assert.equal(percentileOf(figures, percent), expected);
}

test("a percentile is the least figure that so many percent are not above", () => {
  check(hundred, 50, 50);
  check(hundred, 99, 99);
  check(hundred, 100, 100);
  check([7], 99, 7);
  check([1, 2, 3], 50, 2);
  check([], 99, Number.NaN);
});
