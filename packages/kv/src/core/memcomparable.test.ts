// Golden encodings, malformed ones, and the order of random keys.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedWorld } from "@sampan/env/simulated";
import { decodeBytes, encodeBytes, encodedBytes, encodedEnd } from "./memcomparable.ts";

function check(text: string, expected: string): void {
  test(`${JSON.stringify(text)} is encoded as TiKV does`, () => {
    const encoded = encodeBytes(Buffer.from(text));
    assert.equal(encoded.toString("hex"), expected.replaceAll(" ", ""));
    assert.equal(encoded.length, encodedBytes(text.length));
    assert.deepEqual(decodeBytes(encoded, 0), { ok: true, value: Buffer.from(text) });
  });
}

check("", "0000000000000000 f7");
check("a", "6100000000000000 f8");
check("abc", "6162630000000000 fa");
check("1234567", "3132333435363700 fe");
check("12345678", "3132333435363738 ff 0000000000000000 f7");
check("123456789", "3132333435363738 ff 3900000000000000 f8");
check("\0\0", "0000000000000000 f9");
check("\0".repeat(8), "0000000000000000 ff 0000000000000000 f7");

function checkMalformed(hex: string, expected: string): void {
  test(`malformed ${hex === "" ? "nothing" : hex} is refused: ${expected}`, () => {
    const encoded = Buffer.from(hex.replaceAll(" ", ""), "hex");
    assert.deepEqual(decodeBytes(encoded, 0), { ok: false, error: expected });
  });
}

checkMalformed("", "cut-short");
checkMalformed("00", "cut-short");
checkMalformed("0000000000000000", "cut-short");
checkMalformed("3132333435363738 ff", "cut-short");
checkMalformed("3132333435363738 ff 00000000000000", "cut-short");
checkMalformed("6100000000000000 f6", "bad-marker");
checkMalformed("6100000000000000 00", "bad-marker");
checkMalformed("6101000000000000 f8", "bad-padding");
checkMalformed("0000000000000001 f7", "bad-padding");

test("what follows the encoded bytes is left alone", () => {
  const bytes = Buffer.concat([Buffer.from("zz"), encodeBytes(Buffer.from("key")), Buffer.of(1)]);
  assert.equal(encodedEnd(bytes, 2), 11);
  assert.deepEqual(decodeBytes(bytes, 2), { ok: true, value: Buffer.from("key") });
});

test("random keys come back, and sort encoded as they sort plain", () => {
  const { random } = createSimulatedWorld(1).env;
  // Few different bytes, so that common beginnings and prefixes are frequent.
  const alphabet = [0, 1, 0xf7, 0xfe, 0xff];
  const draw = () =>
    Buffer.from(Array.from({ length: random.int(20) }, () => alphabet[random.int(5)] ?? 0));
  for (let round = 0; round < 5_000; round += 1) {
    const a = draw();
    const b = draw();
    const encodedA = encodeBytes(a);
    assert.deepEqual(decodeBytes(encodedA, 0), { ok: true, value: a });
    assert.equal(Buffer.compare(encodedA, encodeBytes(b)), Buffer.compare(a, b));
  }
});

test("random bytes are decoded to what encodes to them, or refused", () => {
  const { random } = createSimulatedWorld(2).env;
  for (let round = 0; round < 5_000; round += 1) {
    const bytes = Buffer.from(random.bytes(random.int(30)));
    const marker = 8 + 9 * random.int(2);
    if (random.int(2) === 0 && marker < bytes.length) bytes[marker] = 0xf7 + random.int(9);
    const decoded = decodeBytes(bytes, 0);
    if (!decoded.ok) continue;
    const again = encodeBytes(decoded.value);
    assert.deepEqual(again, bytes.subarray(0, again.length));
  }
});
