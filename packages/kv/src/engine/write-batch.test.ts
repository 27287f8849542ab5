import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError } from "@sampan/env";
import type { WriteBatch } from "./engine.ts";
import { createWriteBatch, decodeWriteBatch } from "./write-batch.ts";

const bytes = (text: string) => Buffer.from(text, "utf8");

function check(build: (batch: WriteBatch) => void, expected: { hex: string; entries: string[] }) {
  const batch = createWriteBatch();
  build(batch);
  const encoded = batch.encoded();
  assert.equal(encoded.toString("hex"), expected.hex);
  assert.equal(batch.bytes, encoded.length);
  const entries = [...decodeWriteBatch(encoded)];
  assert.equal(batch.count, entries.length);
  assert.deepEqual(
    entries.map((entry) => {
      const { type, family } = entry;
      if (type === "delete") return `${type} ${family} ${entry.key}`;
      if (type === "put") return `${type} ${family} ${entry.key}=${entry.value}`;
      return `${type} ${family} ${entry.from}..${entry.to}`;
    }),
    expected.entries,
  );
}

test("an empty batch is its header", () => {
  check(() => {}, { hex: "000000000000000000000000", entries: [] });
});

test("a change in the default family has RocksDB's short tag, in another the family's id", () => {
  check((batch) => batch.put("default", bytes("k"), bytes("v")), {
    hex: "000000000000000001000000" + "01" + "016b" + "0176",
    entries: ["put default k=v"],
  });
  check((batch) => batch.put("write", bytes("k"), bytes("")), {
    hex: "000000000000000001000000" + "0502" + "016b" + "00",
    entries: ["put write k="],
  });
  check((batch) => batch.delete("default", bytes("k")), {
    hex: "000000000000000001000000" + "00" + "016b",
    entries: ["delete default k"],
  });
  check((batch) => batch.delete("raft", bytes("k")), {
    hex: "000000000000000001000000" + "0403" + "016b",
    entries: ["delete raft k"],
  });
  check((batch) => batch.deleteRange("default", bytes("a"), bytes("b")), {
    hex: "000000000000000001000000" + "0f" + "0161" + "0162",
    entries: ["delete-range default a..b"],
  });
  check((batch) => batch.deleteRange("lock", bytes("a"), bytes("b")), {
    hex: "000000000000000001000000" + "0e01" + "0161" + "0162",
    entries: ["delete-range lock a..b"],
  });
});

test("changes keep their order", () => {
  const batch = createWriteBatch();
  batch.put("lock", bytes("é"), bytes("1"));
  batch.delete("lock", bytes("é"));
  batch.put("lock", bytes("é"), bytes("2"));
  const entries = [...decodeWriteBatch(batch.encoded())];
  assert.deepEqual(
    entries.map((entry) => entry.type),
    ["put", "delete", "put"],
  );
});

test("a range that is empty or upside down changes nothing", () => {
  const batch = createWriteBatch();
  batch.deleteRange("default", bytes("b"), bytes("b"));
  batch.deleteRange("default", bytes("c"), bytes("b"));
  assert.equal(batch.count, 0);
});

test("a length grows its varint at each seventh bit", () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const batch = createWriteBatch();
    const value = Buffer.alloc(length, 7);
    batch.put("write", value, value);
    const [entry] = [...decodeWriteBatch(batch.encoded())];
    assert.equal(entry?.type, "put");
    assert.ok(entry?.type === "put" && entry.key.equals(value) && entry.value.equals(value));
  }
});

test("a cleared batch is as a new one", () => {
  const batch = createWriteBatch();
  batch.put("default", bytes("a"), Buffer.alloc(100_000));
  batch.clear();
  assert.equal(batch.count, 0);
  batch.put("default", bytes("b"), bytes("1"));
  assert.equal([...decodeWriteBatch(batch.encoded())].length, 1);
});

test("bytes that no batch has written are refused", () => {
  const batch = createWriteBatch();
  batch.put("lock", bytes("key"), bytes("value"));
  batch.deleteRange("write", bytes("a"), bytes("b"));
  const encoded = Buffer.from(batch.encoded());
  const refused = (broken: Uint8Array) =>
    assert.throws(() => [...decodeWriteBatch(broken)], AssertionError);
  for (let length = 0; length < encoded.length; length++) refused(encoded.subarray(0, length));
  refused(Buffer.concat([encoded, Buffer.of(0)]));
  for (const tag of [2, 3, 6, 7, 8, 9, 16, 255]) {
    const broken = Buffer.from(encoded);
    broken[12] = tag;
    refused(broken);
  }
  const unknownFamily = Buffer.from(encoded);
  unknownFamily[13] = 4;
  refused(unknownFamily);
  refused(Buffer.from("000000000000000001000000" + "01" + "ffffffffff01", "hex"));
});
