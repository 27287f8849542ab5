// Golden write records in TiKV's bytes, malformed ones, and a seeded round trip.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import {
  decodeWrite,
  encodeWrite,
  isProtectedRollback,
  newRollback,
  newWrite,
  type Write,
  type WriteType,
} from "./write-record.ts";

// The bytes were worked out by hand from the format at the top of write-record.ts.
function check(name: string, write: Write, hex: string): void {
  test(`write record: ${name}`, () => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    assert.equal(encodeWrite(write).toString("hex"), bytes.toString("hex"));
    assert.deepEqual(decodeWrite(bytes), { ok: true, value: write });
  });
}

const put = newWrite("put", 5n, Buffer.from("abc"));
check("a put carries its short value", put, "50 05 76 03 616263");
check("an empty value is there", newWrite("put", 5n, Buffer.alloc(0)), "50 05 76 00");
check("a long value is not there", newWrite("put", 300n, null), "50 ac02");
check(
  "a value of 255 bytes",
  newWrite("put", 1n, Buffer.alloc(255, 7)),
  `5001 76ff${"07".repeat(255)}`,
);
check("a delete", newWrite("delete", 127n, null), "44 7f");
check("a lock", newWrite("lock", 128n, null), "4c 8001");
check("a rollback", newRollback(1n, false), "52 01");
check("a protected rollback", newRollback(1n, true), "52 01 76 01 70");
check(
  "the greatest timestamp",
  newWrite("delete", 2n ** 64n - 1n, null),
  "44 ffffffffffffffffff01",
);
check(
  "a real timestamp",
  newWrite("delete", 1_700_000_000_000n << 18n, null),
  `44 ${varintHex(1_700_000_000_000n << 18n)}`,
);
check(
  "an overlapped rollback",
  { ...put, overlappedRollback: true, gcFence: 0n },
  "50 05 76 03 616263 52 46 0000000000000000",
);
check(
  "a fence",
  { ...put, overlappedRollback: true, gcFence: 258n },
  "50 05 76 03 616263 52 46 0000000000000102",
);
check(
  "no change before",
  { ...newWrite("lock", 9n, null), lastChange: { type: "none" } },
  "4c 09 6c 0000000000000000 01",
);
check(
  "the last change",
  { ...newWrite("lock", 9n, null), lastChange: { type: "exists", commitTs: 7n, versions: 200n } },
  "4c 09 6c 0000000000000007 c801",
);
check("a source", { ...put, source: 129n }, "50 05 76 03 616263 53 8101");

/** LEB128 by the book, on bigint: the naive twin of the codec's. */
function varintHex(value: bigint): string {
  let hex = "";
  for (let rest = value; ; rest >>= 7n) {
    const more = rest > 127n;
    hex += Number((rest & 127n) | (more ? 128n : 0n))
      .toString(16)
      .padStart(2, "0");
    if (!more) return hex;
  }
}

test("write record: a reader stops at a tag that it does not know", () => {
  const bytes = Buffer.from("500576036162637a0102030405", "hex");
  assert.deepEqual(decodeWrite(bytes), { ok: true, value: put });
});

test("write record: a source of the lock family's tag is unknown here", () => {
  assert.deepEqual(decodeWrite(Buffer.from("50057301", "hex")), {
    ok: true,
    value: newWrite("put", 5n, null),
  });
});

function checkMalformed(hex: string, expected: string): void {
  test(`write record: malformed ${hex || "nothing"} is refused: ${expected}`, () => {
    assert.deepEqual(decodeWrite(Buffer.from(hex, "hex")), { ok: false, error: expected });
  });
}

checkMalformed("", "empty");
checkMalformed("51", "unknown-type");
checkMalformed("50", "cut-short");
checkMalformed("5080", "cut-short");
checkMalformed("50ffffffffffffffffff02", "cut-short");
checkMalformed("50ffffffffffffffffffff01", "cut-short");
checkMalformed("500576", "cut-short");
checkMalformed("50057603ab", "cut-short");
checkMalformed("500546000000000000", "cut-short");
checkMalformed("50056c00000000000000", "cut-short");
checkMalformed("50056c0000000000000007", "cut-short");
checkMalformed("50056c000000000000000700", "bad-last-change");
checkMalformed("500553", "cut-short");

test("write record: only the value p protects a rollback", () => {
  assert.equal(isProtectedRollback(newRollback(1n, true)), true);
  assert.equal(isProtectedRollback(newRollback(1n, false)), false);
  assert.equal(isProtectedRollback(newWrite("rollback", 1n, Buffer.from("q"))), false);
  assert.equal(isProtectedRollback(newWrite("put", 1n, Buffer.from("p"))), false);
});

test("write record: random records come back", () => {
  const { random } = createSimulatedWorld(1).env;
  const types: readonly WriteType[] = ["put", "delete", "lock", "rollback"];
  const u64 = () => Buffer.from(random.bytes(8)).readBigUInt64BE() >> BigInt(random.int(64));
  for (let round = 0; round < 3_000; round += 1) {
    const write: Write = {
      type: types[random.int(4)] ?? "put",
      startTs: u64(),
      shortValue: random.int(2) === 0 ? null : Buffer.from(random.bytes(random.int(256))),
      overlappedRollback: random.int(2) === 0,
      gcFence: random.int(2) === 0 ? null : u64(),
      lastChange:
        random.int(2) === 0
          ? { type: random.int(2) === 0 ? "unknown" : "none" }
          : { type: "exists", commitTs: u64() | 1n, versions: u64() | 1n },
      source: random.int(2) === 0 ? 0n : u64(),
    };
    assert.deepEqual(decodeWrite(encodeWrite(write)), { ok: true, value: write });
  }
});

test("write record: random bytes give a record or an error, never an exception", () => {
  const { random } = createSimulatedWorld(2).env;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(random.bytes(random.int(40)));
    if (bytes.length > 0) bytes[0] = "PDLR".charCodeAt(random.int(4));
    if (bytes.length > 2) bytes[2] = "vRFlS".charCodeAt(random.int(5));
    const decoded = decodeWrite(bytes);
    if (decoded.ok) decodeWrite(encodeWrite(decoded.value));
  }
});
