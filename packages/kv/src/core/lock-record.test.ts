// Golden lock records in TiKV's bytes, malformed ones, and a seeded round trip.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import {
  decodeLock,
  encodeLock,
  isPessimistic,
  type Lock,
  type LockType,
  newLock,
} from "./lock-record.ts";

// The bytes were worked out by hand from the format at the top of lock-record.ts.
function check(name: string, lock: Lock, hex: string): void {
  test(`lock record: ${name}`, () => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    assert.equal(encodeLock(lock).toString("hex"), bytes.toString("hex"));
    assert.deepEqual(decodeLock(bytes), { ok: true, value: lock });
  });
}

const plain = newLock({ type: "put", primary: Buffer.from("pk"), startTs: 5n, ttlMs: 3000n });
const head = "50 04 706b 05 b817";

check("without optional fields", plain, head);
check("a delete", { ...plain, type: "delete" }, "44 04 706b 05 b817");
check("a lock", { ...plain, type: "lock" }, "4c 04 706b 05 b817");
check("a pessimistic lock", { ...plain, type: "pessimistic" }, "53 04 706b 05 b817");
check("an empty primary", { ...plain, primary: Buffer.alloc(0) }, "50 00 05 b817");
check(
  "a primary of 64 bytes has a length of two",
  { ...plain, primary: Buffer.alloc(64, 1) },
  `50 8001 ${"01".repeat(64)} 05 b817`,
);
check("a short value", { ...plain, shortValue: Buffer.from("abc") }, `${head} 76 03 616263`);
check("an empty value", { ...plain, shortValue: Buffer.alloc(0) }, `${head} 76 00`);
check("a for-update timestamp", { ...plain, forUpdateTs: 258n }, `${head} 66 0000000000000102`);
check("the transaction's size", { ...plain, transactionSize: 3n }, `${head} 74 0000000000000003`);
check("a least commit timestamp", { ...plain, minCommitTs: 6n }, `${head} 63 0000000000000006`);
check("async commit without secondaries", { ...plain, secondaries: [] }, `${head} 61 00`);
check(
  "async commit with secondaries",
  { ...plain, secondaries: [Buffer.from("a"), Buffer.from("bc")] },
  `${head} 61 02 0261 046263`,
);
check(
  "rollbacks of others",
  { ...plain, rollbackTs: [7n, 8n] },
  `${head} 72 02 0000000000000007 0000000000000008`,
);
check(
  "the last change",
  { ...plain, lastChange: { type: "exists", commitTs: 2n, versions: 1n } },
  `${head} 6c 0000000000000002 01`,
);
check("a source", { ...plain, source: 128n }, `${head} 73 8001`);
check("locked with conflict", { ...plain, lockedWithConflict: true }, `${head} 46`);
check("a generation", { ...plain, generation: 1n }, `${head} 67 0000000000000001`);
check(
  "a shared lock's holders",
  { ...plain, type: "shared", holders: [Buffer.from("4c0005b817", "hex")] },
  "48 04 706b 05 b817 68 01 0a 4c0005b817",
);
check(
  "all fields stand in TiKV's order",
  {
    ...plain,
    shortValue: Buffer.from("v"),
    forUpdateTs: 1n,
    transactionSize: 2n,
    minCommitTs: 3n,
    secondaries: [],
    rollbackTs: [4n],
    lastChange: { type: "none" },
    source: 5n,
    lockedWithConflict: true,
    generation: 6n,
  },
  `${head} 76 01 76 66 0000000000000001 74 0000000000000002 63 0000000000000003 61 00
   72 01 0000000000000004 6c 0000000000000000 01 73 05 46 67 0000000000000006`.replaceAll(
    /\s/g,
    "",
  ),
);

test("lock record: the oldest ones end before the ttl", () => {
  assert.deepEqual(decodeLock(Buffer.from("5004706b05", "hex")), {
    ok: true,
    value: { ...plain, ttlMs: 0n },
  });
});

test("lock record: a reader stops at a tag that it does not know", () => {
  const bytes = Buffer.from(`${head}7a0102030405`.replaceAll(" ", ""), "hex");
  assert.deepEqual(decodeLock(bytes), { ok: true, value: plain });
});

test("lock record: a for-update timestamp makes a transaction pessimistic", () => {
  assert.equal(isPessimistic(plain), false);
  assert.equal(isPessimistic({ ...plain, forUpdateTs: 1n }), true);
});

function checkMalformed(tail: string, expected: string): void {
  test(`lock record: malformed …${tail} is refused: ${expected}`, () => {
    const bytes = Buffer.from(`${head}${tail}`.replaceAll(" ", ""), "hex");
    assert.deepEqual(decodeLock(bytes), { ok: false, error: expected });
  });
}

checkMalformed("76", "cut-short");
checkMalformed("76 05 00", "cut-short");
checkMalformed("66 00", "cut-short");
checkMalformed("61 01", "cut-short");
checkMalformed("61 01 04 00", "cut-short");
checkMalformed("61 ffffffffffffffffff01", "cut-short");
checkMalformed("61 01 ffffffffffffffffff01", "cut-short");
checkMalformed("72 02 0000000000000004", "cut-short");
checkMalformed("72 ffffffffffffffffff01 00", "cut-short");
checkMalformed("6c 0000000000000004 00", "bad-last-change");
checkMalformed("67 00", "cut-short");
checkMalformed("68 7f 00", "cut-short");

test("lock record: malformed heads are refused", () => {
  const error = (hex: string) => {
    const decoded = decodeLock(Buffer.from(hex, "hex"));
    return decoded.ok ? "ok" : decoded.error;
  };
  assert.equal(error(""), "empty");
  assert.equal(error("52"), "unknown-type");
  assert.equal(error("50"), "cut-short");
  assert.equal(error("5004706b"), "cut-short");
  assert.equal(error("5004706b80"), "cut-short");
  assert.equal(error("5003706b05"), "cut-short", "a negative length");
  assert.equal(error("50ffffff0f706b05"), "cut-short", "a length beyond the record");
});

test("lock record: random records come back", () => {
  const { random } = createSimulatedWorld(1).env;
  const types: readonly LockType[] = ["put", "delete", "lock", "pessimistic", "shared"];
  const u64 = () => Buffer.from(random.bytes(8)).readBigUInt64BE() >> BigInt(random.int(64));
  const bytes = (below: number) => Buffer.from(random.bytes(random.int(below)));
  const maybe = <T>(draw: () => T, absent: T): T => (random.int(2) === 0 ? absent : draw());
  const list = <T>(draw: () => T) => Array.from({ length: random.int(5) }, draw);
  for (let round = 0; round < 3_000; round += 1) {
    const lock: Lock = {
      type: types[random.int(5)] ?? "put",
      primary: bytes(200),
      startTs: u64(),
      ttlMs: u64(),
      shortValue: maybe<Buffer | null>(() => bytes(256), null),
      forUpdateTs: maybe(u64, 0n),
      transactionSize: maybe(u64, 0n),
      minCommitTs: maybe(u64, 0n),
      secondaries: maybe<Buffer[] | null>(() => list(() => bytes(100)), null),
      rollbackTs: list(u64),
      lastChange: maybe<Lock["lastChange"]>(
        () => ({ type: "exists", commitTs: u64() | 1n, versions: u64() | 1n }),
        { type: "none" },
      ),
      source: maybe(u64, 0n),
      lockedWithConflict: random.int(2) === 0,
      generation: maybe(u64, 0n),
      holders: maybe<Buffer[] | null>(() => list(() => bytes(100)), null),
    };
    assert.deepEqual(decodeLock(encodeLock(lock)), { ok: true, value: lock });
  }
});

test("lock record: random bytes give a record or an error, never an exception", () => {
  const { random } = createSimulatedWorld(2).env;
  const start = Buffer.from(head.replaceAll(" ", ""), "hex");
  for (let round = 0; round < 20_000; round += 1) {
    const tail = Buffer.from(random.bytes(random.int(60)));
    if (tail.length > 0) tail[0] = "vftcarlsFgh".charCodeAt(random.int(11));
    const decoded = decodeLock(Buffer.concat([start, tail]));
    if (decoded.ok) assert.ok(decodeLock(encodeLock(decoded.value)).ok);
  }
});
