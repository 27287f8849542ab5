// Values kept from earlier reads: for whom they are right, and how many there are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NewestValues } from "./newest-values.ts";

/** Offers until it is taken: one in a few is. */
function keep(values: NewestValues, name: string, asOf: bigint, value: string | null): void {
  const bytes = value === null ? null : Buffer.from(value);
  for (let count = 0; count < 4; count++) values.offer(name, asOf, bytes);
}

function get(values: NewestValues, name: string, readTs: bigint): string | null | undefined {
  return (
    values.get(name, readTs)?.toString() ?? (values.get(name, readTs) === null ? null : undefined)
  );
}

test("an entry is for readers at or after its moment, until its key is written", () => {
  const values = new NewestValues(10_000);
  keep(values, "a", 10n, "1");
  keep(values, "none", 10n, null);
  assert.equal(get(values, "a", 9n), undefined);
  assert.equal(get(values, "a", 10n), "1");
  assert.equal(get(values, "none", 11n), null);
  values.forget("a");
  assert.equal(get(values, "a", 11n), undefined);
  assert.equal(get(values, "none", 11n), null);
});

test("readers get copies, and what was offered may change afterwards", () => {
  const values = new NewestValues(10_000);
  const offered = Buffer.from("1");
  for (let count = 0; count < 4; count++) values.offer("a", 1n, offered);
  offered.fill(0);
  values.get("a", 1n)?.fill(0);
  assert.equal(get(values, "a", 1n), "1");
});

test("it stays within its bytes, and keeps what is asked for", () => {
  const values = new NewestValues(100_000);
  keep(values, "hot", 1n, "h");
  for (let count = 0; count < 5000; count++) {
    keep(values, `k${count}`, 1n, "v".repeat(100));
    assert.equal(get(values, "hot", 1n), "h");
  }
  assert.equal(get(values, "k4999", 1n), "v".repeat(100));
  assert.equal(get(values, "k0", 1n), undefined);
  assert.ok(values.bytes <= 100_000);
});

test("large values are not kept, and of zero bytes nothing is", () => {
  const values = new NewestValues(16_000);
  keep(values, "a", 1n, "v".repeat(1001));
  assert.equal(get(values, "a", 1n), undefined);
  const none = new NewestValues(0);
  keep(none, "a", 1n, null);
  assert.equal(get(none, "a", 1n), undefined);
});
