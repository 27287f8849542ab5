import assert from "node:assert/strict";
import { test } from "node:test";
import { blobBytesMax, decideChunk, decideReceived, decideTooMuch, isAbandoned } from "./upload.ts";

function check(
  name: string,
  offer: { range?: string; length?: number; stored: number },
  expected: string,
): void {
  test(name, () => {
    const decision = decideChunk({
      contentRange: offer.range ?? null,
      contentLength: offer.length ?? null,
      stored: offer.stored,
    });
    const said =
      decision.type === "accept" ? `accept ${decision.bytesExpected}` : `refuse ${decision.error}`;
    assert.equal(said, expected);
  });
}

check("a body without claims is taken", { stored: 5 }, "accept null");
check("a length is kept to", { length: 7, stored: 5 }, "accept 7");
check("an empty body is taken", { length: 0, stored: 5 }, "accept 0");
check("the first chunk starts at 0", { range: "0-9", length: 10, stored: 0 }, "accept 10");
check("the next chunk starts where the last ended", { range: "10-19", stored: 10 }, "accept 10");
check(
  "a chunk that leaves a gap",
  { range: "11-19", length: 9, stored: 10 },
  "refuse chunk-out-of-order",
);
check(
  "a chunk that comes again",
  { range: "0-9", length: 10, stored: 10 },
  "refuse chunk-out-of-order",
);
check(
  "a range and a length that differ",
  { range: "0-9", length: 9, stored: 0 },
  "refuse size-invalid",
);
check("a range that is none", { range: "nine", length: 9, stored: 0 }, "refuse upload-invalid");
check("a range that runs back", { range: "9-0", length: 9, stored: 0 }, "refuse upload-invalid");
check("the form with unit and size", { range: "bytes 0-9/10", length: 10, stored: 0 }, "accept 10");
check("a blob beyond the bound", { length: blobBytesMax, stored: 1 }, "refuse size-invalid");
check("a blob up to the bound", { length: blobBytesMax - 1, stored: 1 }, "accept 1099511627775");

test("what came is compared with what was announced", () => {
  assert.equal(decideReceived(null, 3), null);
  assert.equal(decideReceived(3, 3), null);
  assert.equal(decideReceived(4, 3)?.error, "size-invalid");
});

test("no more is taken than was announced, or than a blob may have", () => {
  const bounds = (contentRange: string | null) => {
    const decision = decideChunk({ contentRange, contentLength: null, stored: 5 });
    return decision.type === "accept" ? decision.bytesMax : null;
  };
  assert.equal(bounds("5-9"), 5);
  assert.equal(bounds(null), blobBytesMax - 5);
  assert.match(decideTooMuch(5).message, /5 bytes were announced, more came/);
  assert.match(decideTooMuch(null).message, /a blob may have/);
});

test("an upload is abandoned when nothing came for the time, whatever the clock does", () => {
  const age = { startedMs: 1_000, modifiedMs: 5_000 };
  assert.equal(isAbandoned(age, 5_100, 100), false);
  assert.equal(isAbandoned(age, 5_101, 100), true);
  assert.equal(isAbandoned({ startedMs: 1_000, modifiedMs: null }, 1_101, 100), true);
  assert.equal(isAbandoned(age, 0, 100), false);
});
