// Golden keys, ranges, and keys that are refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dataKey,
  dataRange,
  decodeDataKey,
  decodeVersionKey,
  versionKey,
  versionRange,
} from "./data-key.ts";

const key = Buffer.from("key");

test("a key lies in the engine as TiKV's", () => {
  assert.equal(dataKey(key).toString("hex"), "7a6b65790000000000fa");
  assert.equal(versionKey(key, 5n).toString("hex"), "7a6b65790000000000fafffffffffffffffa");
});

test("keys come back", () => {
  assert.deepEqual(decodeDataKey(dataKey(key)), { ok: true, value: key });
  assert.deepEqual(decodeVersionKey(versionKey(key, 5n)), {
    ok: true,
    value: { key, timestamp: 5n },
  });
});

test("newer versions come before older ones, other keys outside of both", () => {
  const { lower, upper } = versionRange(key, 9n);
  const inside = (bytes: Buffer) =>
    Buffer.compare(bytes, lower) >= 0 && Buffer.compare(bytes, upper) < 0;
  const times = [0n, 1n, 9n, 10n, 2n ** 64n - 1n];
  assert.deepEqual(
    times.map((time) => inside(versionKey(key, time))),
    [true, true, true, false, false],
  );
  for (const other of ["ke", "key\0", "kez", ""]) {
    assert.equal(inside(versionKey(Buffer.from(other), 5n)), false);
  }
});

test("a range without an end stops where the data keys do", () => {
  const { lower, upper } = dataRange(Buffer.from(""), null);
  assert.equal(lower.toString("hex"), "7a0000000000000000f7");
  assert.equal(upper.toString("hex"), "7b");
  const top = versionKey(Buffer.alloc(40, 0xff), 0n);
  assert.ok(Buffer.compare(top, upper) < 0);
});

test("keys that are no data keys are refused", () => {
  const version = versionKey(key, 5n);
  const bad = (bytes: Buffer) => {
    const decoded = decodeVersionKey(bytes);
    return decoded.ok ? "ok" : decoded.error;
  };
  assert.equal(bad(Buffer.alloc(0)), "bad-prefix");
  assert.equal(bad(Buffer.concat([Buffer.from("y"), version.subarray(1)])), "bad-prefix");
  assert.equal(bad(version.subarray(0, 9)), "cut-short");
  assert.equal(bad(version.subarray(0, -1)), "bad-length");
  assert.equal(bad(Buffer.concat([version, Buffer.of(0)])), "bad-length");
  assert.deepEqual(decodeDataKey(version), { ok: false, error: "bad-length" });
  assert.deepEqual(decodeDataKey(Buffer.from("x")), { ok: false, error: "bad-prefix" });
});
