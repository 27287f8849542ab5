// Ranges of downloads and of uploads, and the pieces that peers cut.

import assert from "node:assert/strict";
import test from "node:test";
import { pieceBytes, pieceCount, pieceIndexAt, pieceRange } from "./pieces.ts";
import {
  formatChunkRange,
  formatContentRange,
  formatUnsatisfiedRange,
  formatUploadRange,
  parseChunkRange,
  parseContentRange,
  parseRange,
  parseUploadRange,
} from "./range.ts";

function check(header: string | undefined, size: number, expected: string): void {
  const parsed = parseRange(header, size);
  const text =
    parsed.type === "partial" ? `${parsed.range.start}..${parsed.range.end}` : parsed.type;
  assert.equal(text, expected, `${header} of ${size}`);
}

test("a single range is cut to the content", () => {
  check("bytes=0-0", 10, "0..1");
  check("bytes=0-9", 10, "0..10");
  check("bytes=2-4", 10, "2..5");
  check("bytes=5-", 10, "5..10");
  check("bytes=9-", 10, "9..10");
  check("bytes=0-99", 10, "0..10");
  check("bytes=0-99999999999999999999", 10, "0..10");
  check("bytes=-3", 10, "7..10");
  check("bytes=-99", 10, "0..10");
  check("Bytes= 2 - 4 ", 10, "2..5");
});

test("a range behind the end, backwards, or of no bytes, cannot be satisfied", () => {
  check("bytes=4-2", 10, "unsatisfiable");
  check("bytes=10-", 10, "unsatisfiable");
  check("bytes=10-20", 10, "unsatisfiable");
  check("bytes=99999999999999999999-", 10, "unsatisfiable");
  check("bytes=-0", 10, "unsatisfiable");
  check("bytes=0-", 0, "unsatisfiable");
  check("bytes=-1", 0, "unsatisfiable");
});

test("what is no single byte range is ignored, as RFC 9110 section 14.2 asks", () => {
  check(undefined, 10, "whole");
  check("", 10, "whole");
  check("bytes=", 10, "whole");
  check("bytes=-", 10, "whole");
  check("bytes=0-1,3-4", 10, "whole");
  check("bytes=a-b", 10, "whole");
  check("lines=0-1", 10, "whole");
  check("bytes 0-1", 10, "whole");
  check("bytes=1.5-2", 10, "whole");
  check(`bytes=${"0".repeat(200)}-`, 10, "whole");
});

test("what we answer is what a client reads", () => {
  assert.equal(formatContentRange({ start: 2, end: 5 }, 10), "bytes 2-4/10");
  assert.equal(formatUnsatisfiedRange(10), "bytes */10");
  const read = parseContentRange("bytes 2-4/10");
  assert.deepEqual(read, { ok: true, value: { start: 2, end: 5, size: 10 } });
  assert.deepEqual(parseContentRange("bytes 0-0/*"), {
    ok: true,
    value: { start: 0, end: 1, size: null },
  });
  for (const bad of ["", "bytes 4-2/10", "bytes 0-10/10", "bytes */10", "2-4/10", "bytes 2-4"]) {
    assert.equal(parseContentRange(bad).ok, false, bad);
  }
});

test("a chunk's range names its last byte", () => {
  const chunk = (header: string) => {
    const range = parseChunkRange(header);
    return range.ok ? `${range.value.start}..${range.value.end}` : range.error;
  };
  assert.equal(chunk("0-0"), "0..1");
  assert.equal(chunk("100-199"), "100..200");
  assert.equal(chunk("bytes 100-199/200"), "100..200");
  assert.equal(chunk("bytes=100-199"), "100..200");
  for (const bad of ["", "-", "1-", "-1", "2-1", "a-b", "0-9007199254740993", "0-1,2-3", "0 - 1"]) {
    assert.equal(chunk(bad), "content-range-invalid", bad);
  }
  assert.equal(formatChunkRange({ start: 100, end: 200 }), "100-199");
});

test("an upload says how many bytes it has", () => {
  for (const bytes of [0, 2, 100, 5 * 1024 ** 3]) {
    assert.deepEqual(parseUploadRange(formatUploadRange(bytes)), { ok: true, value: bytes });
  }
  assert.equal(formatUploadRange(0), "0-0");
  assert.equal(parseUploadRange("5-9").ok, false);
});

test("a piece is a 400th of the blob, between 64 KiB and 4 MiB", () => {
  const KiB = 1024;
  const MiB = 1024 * KiB;
  assert.equal(pieceBytes(0), 64 * KiB);
  assert.equal(pieceBytes(1), 64 * KiB);
  assert.equal(pieceBytes(25 * MiB), 64 * KiB);
  assert.equal(pieceBytes(100 * MiB), 256 * KiB);
  assert.equal(pieceBytes(1600 * MiB), 4 * MiB);
  assert.equal(pieceBytes(100 * 1024 * MiB), 4 * MiB);
});

test("pieces cover a blob once, in order, and hold the byte that is asked for", () => {
  for (const bytes of [1, 65_535, 65_536, 65_537, 26_214_401, 104_857_601, 1_677_721_601]) {
    const count = pieceCount(bytes);
    let end = 0;
    for (let index = 0; index < count; index++) {
      const range = pieceRange(bytes, index);
      assert.equal(range.start, end);
      assert.equal(pieceIndexAt(bytes, range.start), index);
      assert.equal(pieceIndexAt(bytes, range.end - 1), index);
      end = range.end;
    }
    assert.equal(end, bytes);
  }
  assert.equal(pieceCount(0), 0);
});
